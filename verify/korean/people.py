"""Invented persons' names and addresses, built from common parts; none of them means a real person.

Surnames are weighted by how common they are (인구주택총조사 2015, rounded); given names join two syllables
that are frequent in given names, so most results are plausible and some coincide with real names.
Addresses join real 시·도 and 시·군·구 with invented road names.
"""

from typing import Final, NamedTuple

from verify.korean.randomness import seeded

_SURNAMES: Final = {
    215: "김",
    147: "이",
    84: "박",
    47: "최",
    43: "정",
    24: "강",
    21: "조",
    20: "윤 장",
    17: "임",
    15: "한 오 서 신",
    14: "권 황 안 송",
    13: "유",
    11: "전 홍",
    9: "고 문 양 손",
    8: "배 백",
    7: "허",
    6: "남 노",
    5: "심 하",
    4: "곽 성 차 주 우 구",
    3: "민 진 나 지 엄 원 채",
    2: "천 방 공 현 함 변",
    1: (
        "염 여 추 도 소 석 선 설 마 길 연 위 표 명 기 반 왕 금 옥 육 인 맹 제 모 탁 국 어 은 편 용 남궁 황보 제갈 "
        "선우 독고 사공 서문"
    ),
}
SURNAMES: Final = {name: weight for weight, names in _SURNAMES.items() for name in names.split()}
"""Surnames and about how many of a thousand people bear them; at least 1."""

FIRST_SYLLABLES: Final = (
    "서민지예도하시주은현수유채다윤태재승우동영성정준진건규기나미보상선세소아연용원인종창한해혜호희효경광"
)
SECOND_SYLLABLES: Final = "준윤우현진민호서은연아원빈영수희훈정경린나율재성환석철혁선미주지숙순자옥란화식태규범솔별람"

_PROVINCES: Final = {
    "서울특별시": "종로구 중구 용산구 성동구 마포구 강서구 관악구 송파구 노원구 은평구",
    "부산광역시": "해운대구 수영구 사하구 금정구 기장군",
    "대구광역시": "수성구 달서구 군위군",
    "인천광역시": "연수구 부평구 강화군",
    "광주광역시": "북구 광산구",
    "대전광역시": "유성구 서구",
    "울산광역시": "남구 울주군",
    "세종특별자치시": "",
    "경기도": "수원시 성남시 고양시 용인시 양평군 가평군",
    "강원특별자치도": "춘천시 원주시 강릉시 홍천군",
    "충청북도": "청주시 충주시 단양군",
    "충청남도": "천안시 아산시 홍성군",
    "전북특별자치도": "전주시 익산시 무주군",
    "전라남도": "여수시 순천시 담양군",
    "경상북도": "포항시 안동시 울릉군",
    "경상남도": "창원시 진주시 남해군",
    "제주특별자치도": "제주시 서귀포시",
}
PROVINCES: Final = {province: tuple(parts.split()) for province, parts in _PROVINCES.items()}
"""시·도 and some of the 시·군·구 in them; none in 세종."""

_ROAD_HEADS: Final = (
    *("가온", "누리", "다솔", "마루", "미리내", "바른", "새솔", "온새미"),
    *("윤슬", "이든", "참빛", "하늬", "한울", "해오름", "푸른솔"),
)
_ROAD_KINDS: Final = ("로", "길", "대로")
_LOT_UNITS: Final = ("가온동", "누리동", "다솔동", "새솔읍 참빛리", "하늬면 한울리", "윤슬동")


class Address(NamedTuple):
    """An invented address in both ways of writing."""

    road: str
    """도로명주소."""
    lot: str
    """지번주소."""


def person_name(*, seed: int) -> str:
    """An invented name: a surname and two syllables, drawn by how common surnames are."""
    chance = seeded(seed, "name")
    surname = chance.choices(list(SURNAMES), weights=list(SURNAMES.values()))[0]
    first = chance.choice(FIRST_SYLLABLES)
    return surname + first + chance.choice([s for s in SECOND_SYLLABLES if s != first])


def address(*, seed: int) -> Address:
    """An invented address in a real 시·군·구."""
    chance = seeded(seed, "address")
    province = chance.choice(list(PROVINCES))
    districts = PROVINCES[province]
    area = f"{province} {chance.choice(districts)}" if districts else province
    head, kind = chance.choice(_ROAD_HEADS), chance.choice(_ROAD_KINDS)
    building = f"{chance.randint(1, 320)}" + (f"-{chance.randint(1, 30)}" if chance.random() < 0.3 else "")
    branch = f"{chance.randint(2, 60)}번길 " if kind == "로" and chance.random() < 0.4 else " "
    flat = f"{chance.randint(101, 120)}동 {chance.randint(1, 25)}0{chance.randint(1, 4)}호"
    tail = f", {flat}" if chance.random() < 0.5 else ""
    lot = f"{area} {chance.choice(_LOT_UNITS)} {chance.randint(1, 990)}-{chance.randint(1, 40)}"
    return Address(f"{area} {head}{kind}{branch}{building}{tail}", lot)
