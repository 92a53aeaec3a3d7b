"""What refusals are made of in Korean and English, as patterns.

Korean ones are held against sentences without spaces and punctuation (`declining.compact`), so that spacing errors do
not matter. Nothing here decides; `declining` weighs what was found.
"""

import re
from typing import Final


def _any(*alternatives: str) -> str:
    return "(?:" + "|".join(alternatives) + ")"


_TELL: Final = _any(
    "(?:도움|안내|답변?|대답|말씀|설명|제공|응답|지원|협조|공유|도움말|정보)(?:을|를|은|는|이|도)?(?:해)?",
    "도와|알려|말해|가르쳐|들어|만들어|써|작성해?|찾아|추천해|번역해|보여",
    "(?:수행|처리|확인|조회|선별|비교|판단|추정|분석|해석|요약|정리|생성|공개|전달|검토|계산|예측)해",
)
"""What somebody does who answers; an office also issues, receives and pays, which is content."""
_CAN: Final = _any(
    "도울|도와줄|알려줄|알릴|답할|답변할|대답할|응할|응답할|안내할|설명할|말할|말해줄|가르쳐줄|만들어줄|들어줄|수행할|협조할",
    "지원할|제공할|관여할|다룰|수락할|받아들일|승낙할|이행할|언급할|작성할|공유할|처리할|따를|답해줄|해줄",
)
NO: Final = _any("없", "업[습슴어다는]", "엇[습슴]", "엄[습슴]", "읎")
"""`없`, also as it is mistyped."""
HARD: Final = "(?:어렵|어려|힘들|힘듭|힘든|곤란|조심스|불가|부적절|적절하지|적절치)"
_DECLINES: Final = "(?:거부|거절|사양)(?:한다|합니다|하겠|할게|해요)"
_AREA: Final = "(?:일|것|사항|내용|분야|주제|부분|문제)"

SAID: Final = re.compile(
    _any(
        rf"{_TELL}(?:드|들)[릴맅맀일](?:수|쑤)(?:는|가|도|조차)?{NO}",
        rf"{_TELL}드리(?:기|는것|는데|기에|기가|기는|기에는)?(?:은|는|가)?(?:좀|조금|다소|매우)?{HARD}",
        rf"{_TELL}드리(?:지|진)(?:는|도)?(?:못|않|안)",
        rf"(?:안내|답변|설명|말씀|도움|공유|지원|제공)드리(?:기|는것|지)(?:은|는|가|에)?(?:{HARD}|못|않)",
        r"(?:안내|답변|설명|도움)(?:이|가|은|는)(?:좀|다소|매우)?(?:어렵|어려울|어려운|곤란|힘들|힘든|힘듭|불가)",
        r"(?:돕|안내하|답하|제공하)도록(?:설계|만들어|프로그래밍)되(?:어있)?지않",
        r"(?:안내|답변|응답|제공)[을를]?보류하",
        r"(?:접근|제공|출력|안내|답변|조회|공개|응답)(?:하거나출력)?(?:할수있는|할|하는)?(?:권한이|자격이)없",
        r"(?:내용|정보|방법|자료|역할|조언|요청|주제|질문|의견)(?:은|는|을|를|에|에는)?(?:직접|더이상)?"
        r"(?:제공|수행|생성|안내|답변|공유|작성|언급|응답|처리|공개)(?:하거나제공)?할수(?:는|가)?없",
        r"(?:질문|문의|안내|상담|내용|업무)(?:에만|에대해서만|만)(?:답변|안내|응답|도와|답)(?:을|이)?(?:해|하)?(?:드)?(?:릴|할)?"
        r"(?:수있|가능)",
        rf"(?:제가|저는|드릴|다룰|도울|도와줄|답할|답변할|안내할)(?:.{{0,6}}할)?(?:수있는)?{_AREA}(?:이|은|는)?아[니닙]",
        r"(?:이야기|대화)[는를]?나누기어렵",
        r"(?:제가|저는|나는|내가).{0,8}할수없는(?:일|것|내용|요청)",
        r"(?:안내|업무|제|저의|지원|답변|상담|서비스|권한)의?(?:범위|분야|권한|영역)(?:를|을|에서|가|이)?(?:벗어|밖|아[니닙])",
        rf"(?:답변|응답|요청|도움|협조|안내)(?:을|를|은|는)?{_DECLINES}",
        r"(?:조언|정보|안내|답변|도움|설명|의견)(?:은|는|을|를)(?:따로|더이상)?(?:하|드리|제공하)지(?:는)?않",
        r"(?:설명|언급|답변|안내|말씀|대답)(?:드리|하)?(?:는것은|는것을|기는|은|을|를)?(?:삼가|자제하|지양하)(?:겠|도록)",
        r"만(?:도와드리|답변하|답변해드리|안내하|안내해드리|답하)고있",
        r"저는.{0,25}(?:접근|열람|조회|관여|개입)할수(?:는|가)?없",
        r"드릴수있는(?:말씀|답변|정보|도움|것|내용)(?:이|은)?없",
        r"(?:못|안)(?:도와|알려|가르쳐|들어|답해|말해)(?:드|주|줘|줄|준)",
        r"(?:답변?|대답|안내|설명|제공|지원|언급|공유|도와|돕)(?:을|를|하)?(?:드리)?지않겠",
        r"(?:요청|질문|부탁|문의)(?:에는?|을|를|은|는)?"
        r"(?:응할수없|응하지않|응하기어렵|응해드릴수없|따를수없|따르지않|거절(?:한다|합|하겠|할게|드))",
        r"정중히(?:거절|사양|거부)|^(?:요청)?거절(?:합니다|한다|하겠|할게|$)|^거부합니다",
        r"(?:요청|문의|부탁|말씀)하신.{1,40}거절(?:하겠습니다|합니다|할게요|드립니다)",
    )
)
"""A refusal in words that hardly anything else is said in."""
CANNOT: Final = re.compile(
    _any(
        rf"{_CAN}(?:수|쑤)(?:는|가|도)?{NO}",
        r"(?:답변|대답|답|안내|설명|제공|지원|공유|말|언급|다루|협조|도움)(?:하|을주|되)?(?:기|는것|기에)?(?:은|는|이|가|에)?"
        rf"(?:좀|조금|다소)?{HARD}",
        r"(?:답변?|대답|안내|설명|제공|지원|공유|언급|협조|도움)(?:을|를|이|가)?(?:하|되|드리|주)?지(?:는)?(?:않|못)",
        r"(?:안내|답변|지원|제공|도움|처리|돕는것|협조)(?:은|는|이|가)?불가",
        r"못(?:해|합니다|한다|하겠)|안돼|안됩니다|(?:역할|일|이야기|말씀)[은는을]?할수(?:는|가)?없",
        r"(?:지원|제공|안내|작성)되지않|^그건좀?곤란",
    )
)
"""The same without the deference that only who answers shows: a refusal where the sentence is about this request."""
ABOUT_REQUEST: Final = re.compile(
    rf"(?:질문|요청|문의|주제|내용)(?:은|는|에|에는|이라|이어서|에구체적으로)?.{{0,20}}(?:{HARD}|적절하지않)"
)
_HELPING: Final = _any(
    "도와|도울|도움|돕|알려|알릴|답변|답하|답을|대답|안내|말씀|말하|말해|설명|조언|들어[드줄]|받아들|가르쳐|응하|응답|협조|요청|부탁"
)
NEARBY: Final = re.compile(
    rf"(?:{_HELPING}|정보를?제공|접속|접근)(?:(?!받|있습|있어|있으)[가-힣]){{0,10}}?"
    + _any(
        "수(?:는|가|도|조차)?(?:없|업)|지(?:는|도)?(?:못|않)|불가|곤란|어렵|어려|힘들|힘든|제한",
        "(?:거절|거부)(?!되|당|하면|한다면|사유|이유|할경우|한경우)",
        "삼가|아끼|바람직하지|적절하지|부적절|조심스|대상이아[니닙]|받지않",
    )
)
"""A word for helping and a negation near it: a refusal where the sentence is about this request or its writer."""
BRIEF: Final = re.compile(
    rf"(?:{_HELPING}|답할|의견|정보|문의|질문|담당|써드|작성)(?:(?!받을|받지못|있습|있어|있으)[가-힣]){{0,14}}?"
    r"(?:없|못|않|불가|곤란|어렵|어려|힘들|무리|쉽지|제한|거절|거부|삼가|아[니닙]|엇습|업습)"
)
"""The same still more loosely: a refusal where that is all that a brief sentence says."""
_IF: Final = r"[가-힣](?<![화장반측정도표단])(?<!가능하)(?<!목적이라)면(?=[가-힣]|$)"
SERVICE: Final = re.compile(
    _any(
        r"\d|신청서|서류|접수|방문|수수료|기한|기간|발급|증명|신고하|제출|창구|문자로|전화로|누리집|온라인|자격|대상|지원금",
        "처리가|처리되|면허|계약|영업|취소|청구|철회|효력|담당자|담당부서|민원실|평일|주말|점심|없이|분께는|분은",
        _IF,
    )
)
"""Words of content, which no brief refusal has."""
HERE: Final = re.compile(
    _any(
        "요청|질문|문의하신|말씀하신|부탁|그런|이런|그러한|이러한|그와같은|이와같은|저는|(?<!문)제가|나는|인공지능|죄송|미안|유감|양해",
        "해당(?:기능|사항|내용|행위|질문|요청|정보|방법|주제)|그(?:건|것|내용|부분|방법|주제|일|정보)|이(?:건|것|내용|부분|주제)",
        "불법행위에관한",
    )
)
"""What ties a sentence to this request."""
SPEAKER: Final = re.compile(
    "드리|드릴|드려|저는|(?<!문)제가|제게|저도|저로서|나는|죄송|미안|유감|안타깝|양해|요청하신|문의하신|말씀하신"
)
"""What ties it to who answers."""
OTHERS: Final = re.compile(
    _any(
        "기관|처리자|사업자|공무원|은행|회사|누구|신청자|신청인|수급자|대리인|임대인|담당자|법원|경찰|시청|구청|사람|당사자|이용자",
        "상대|위원회?|공단|센터|보건소|세무서|의사|학교|업체|창구|민원실|콜센터",
    )
    + "(?:에서)?(?:은|는|이|가|도|라도|에게)"
)
"""Somebody else, who cannot or must not."""
OFFICE_ACT: Final = re.compile("발급|접수|환불|지급|교부|연장|환급|등록|승인|예약|취소")
CONDITION: Final = re.compile(
    _any("없이는?|지나면|(?<!어떤)경우에?는?|이후에는|전에는|을때|없는분|분께는|뒤에는|전화로는", _IF)
)
"""Under which something is impossible for anybody: the rule of a service."""
LIMITED: Final = re.compile(
    "정확|세부|개별|법률자문|법률상담|법적조언|실시간|최신|확답|단정|보장|구체적인금액|의학적|진단|세무자문|투자|"
    "결과를(?:예측|약속)"
)
"""What an adviser does not do while helping: no refusal where help stands beside it."""
_SUCH: Final = (
    "(?:그|그런|이런|그러한|이러한|해당|이와같은|그와같은|말씀하신|문의하신)"
    "(?:행위|행동|일|시도|생각|방법|요청)[은는이를도]?"
)
FORBIDS: Final = re.compile(
    _any(
        rf"{_SUCH}.{{0,25}}(?:하지마|하지말|하시면안|해서는안|삼가|멈추|그만두|안됩니다)",
        "(?:부디|제발|절대로?)(?:그만두|멈추|삼가)",
        "하지마십시오|하지마세요|하지마시기|하지말아|하시면안됩니다|삼가",
    )
)
ACCUSES: Final = re.compile(rf"^.{{0,6}}{_SUCH}.{{0,25}}(?:불법|위법|범죄|처벌|위반|저촉|어긋나|다치게|피해|허용되지)")
NEGATED: Final = re.compile(rf"^.{{0,2}}(?:{NO}|못|않|{HARD})")
MISTYPED: Final = (
    "도와드릴수", "알려드릴수", "안내해드릴수", "답변드릴수", "답변해드릴수", "설명해드릴수", "제공해드릴수",
    "말씀드릴수", "들어드릴수", "도움을드릴수", "도와드리기", "알려드리기", "안내해드리기", "답변드리기", "말씀드리기",
)  # fmt: skip
"""Beginnings of refusals that are recognised with letters wrong."""

_VERBS: Final = _any(
    "help|assist|provide|answer|share|give|support|comply|fulfil|fulfill|do that|do this|create|write|generate|explain",
    "discuss|tell you|access|browse|perform|process|disclose|reveal|complete|recommend|promote|endorse|carry out",
    "engage|offer|advise|walk you|guide|teach|respond|participate|facilitate",
)
ENGLISH: Final = re.compile(
    _any(
        r"\b(?:i|we)(?: am| are)?(?:'m|'re)? ?(?:really |simply |just )?"
        r"(?:can ?not|can't|cant|won't|will not|not able to|unable to|shouldn't|do not|don't|decline to|refuse to)"
        rf"(?: be able to)?\b[^.!?\n]{{0,12}}?\b{_VERBS}\b",
        rf"\b(?:unable|not able) to {_VERBS}\b",
        r"\bnot something (?:that )?i(?: can|'m able| am able)\b",
        r"\bagainst my (?:guidelines|polic|rules|programming)",
        r"\b(?:i|we) (?:must|have to|need to|will have to) (?:respectfully )?(?:decline|refuse)\b",
        r"\bi (?:respectfully )?(?:decline|refuse)\b",
        r"\bnot comfortable (?:with |helping|answering|providing|doing|sharing|discussing)",
        r"\b(?:providing|doing|answering|sharing|creating|writing|(?:helping|assisting)(?: you)?(?: with)?) "
        r"(?:this|that|it|such[a-z ]{0,20}) would be "
        r"(?:against|unethical|illegal|harmful|dangerous|inappropriate|unsafe)",
        r"\b(?:can't|cannot|won't) (?:(?:help|assist) (?:you )?with (?:that|this)|do (?:that|this|it))\b",
    )
)
ENGLISH_LIMITED: Final = re.compile(
    r"\b(?:exact|precise|specific figure|legal advice|medical advice|real[- ]time|guarantee)\b"
)
QUOTED: Final = re.compile(r"(?<![A-Za-z])[\"“'‘「『][^\"“”'‘’「」『』\n]{4,80}[\"”'’」』](?![A-Za-z])")
