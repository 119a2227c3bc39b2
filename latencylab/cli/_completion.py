"""Completion in bash, whose words end at colons: `zoo:NAME` and `NAME:RUNTIME` are one word to us.

click hands on bash's own words; here the line itself is split, and what stands before the last colon, which
bash leaves where it is, is taken off each answer.
"""

from __future__ import annotations

import os
from typing import Final

from click.shell_completion import BashComplete, add_completion_class, split_arg_string

_SOURCE: Final = """\
%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" response completion kind value
    local word="${line##*[[:space:]=]}" before=""
    [[ $COMP_WORDBREAKS == *:* ]] && before="${word%%"${word##*:}"}"
    response=$(env COMP_WORDS="$line" %(complete_var)s=bash_complete $1)
    while IFS=',' read -r kind value; do
        case $kind in
            dir) COMPREPLY=(); compopt -o dirnames;;
            file) COMPREPLY=(); compopt -o default;;
            plain) COMPREPLY+=("${value#"$before"}"); [[ $value == *: ]] && compopt -o nospace;;
        esac
    done <<< "$response"
    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


@add_completion_class
class ColonComplete(BashComplete):
    """click's completion for bash, with words that may hold colons."""

    source_template = _SOURCE

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, and the one that is begun."""
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        begun = words.pop() if words and not line[-1].isspace() else ""
        return words, begun
