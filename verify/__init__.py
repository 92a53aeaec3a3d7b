"""AX Verify: the instrument by which AI models are verified. Read `verify.pipeline` first: the flow on one page."""

__version__ = "0.1.0"
