"""The reader of pages of commands: what it takes for a command, and what it holds a page's output to."""

import pytest

from tests.acceptance.manual import Step, steps

PAGE = """Text with `box$ not this`.

```console
admin$ aggregator device list \\
    --json
box-1   ...   active
box$ edge-agent aim   # Ctrl-C
https://...
```

```toml
box$ = "nor this"
```
"""


def test_commands_are_read_with_their_prompt_and_what_they_say() -> None:
    assert list(steps(PAGE)) == [
        Step("admin", "aggregator device list --json", ("box-1   ...   active",)),
        Step("box", "edge-agent aim", ("https://...",), is_watched=True),
    ]


def test_a_block_that_begins_with_output_is_no_script() -> None:
    with pytest.raises(ValueError, match=r"line 2: .* begins with a prompt"):
        list(steps("```console\nsome output\nbox$ true\n```\n"))


def test_promised_lines_are_looked_for_whatever_the_blanks() -> None:
    (step, _) = steps(PAGE)
    assert step.missing("name state\nbox-1  saltillo-007    active  \n") == []
    assert step.missing("box-1  saltillo-007  revoked\n") == ["box-1   ...   active"]
