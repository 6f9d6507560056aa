"""How do commands' helps show examples?"""


def examples(*lines: str) -> str:
    """The end of a help text: each line as it would be typed, never wrapped."""
    # \b keeps click from flowing the paragraph together.
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
