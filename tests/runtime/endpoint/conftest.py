import pytest

from tests.runtime.endpoint.double import Double
from verify.runtime.endpoint import EndpointLimits, EndpointRuntime

QUICK = EndpointLimits(timeout_s=2.0, backoff_s=0.01, tries=3, concurrency=4)


@pytest.fixture
def server(request):
    double = Double(getattr(request, "param", "openai"))
    yield double
    double.stop()


@pytest.fixture
def connect(server):
    """Opens the double as a subject."""
    opened = []

    def start(limits=QUICK, **options):
        runtime = EndpointRuntime(server.url, model="toy", limits=limits, **options)
        opened.append(runtime)
        return runtime

    yield start
    for runtime in opened:
        runtime.close()
