"""Reads Swift source just well enough for the tidy rules: comments and strings blanked, functions found by braces.
No rule lives here."""

import re

_TOKEN = re.compile(
    r'//[^\n]*'  # line comment
    r'|/\*.*?\*/'  # block comment (Swift nests them; ours do not)
    r'|(?P<hash>#+)"""(?:.|\n)*?"""(?P=hash)'
    r'|"""(?:\\.|[^\\])*?"""'
    r'|(?P<hash1>#+)"[^\n]*?"(?P=hash1)'
    r'|"(?:\\.|[^"\\\n])*"',
    re.DOTALL,
)

_FUNCTION = re.compile(r"\b(?:func\s+[^\s(<]+|init[?!]?\s*[(<]|deinit\b|subscript\s*[(<])")
_DECLARED = re.compile(
    r"\b(?:struct|enum|class|actor|protocol|typealias|func|let|var|case|extension|macro)\s+`?([A-Za-z_][A-Za-z0-9_]*)"
)
_IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:public |package |internal |private |fileprivate )?import\s+"
    r"(?:struct |class |enum |func |protocol |var |let |typealias )?([A-Za-z_]\w*)",
    re.MULTILINE,
)


def blanked(text):
    """The text with the contents of comments and strings replaced by spaces; line breaks stay."""
    return _TOKEN.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)


def imports(code):
    return set(_IMPORT.findall(code))


def declared_names(code):
    return set(_DECLARED.findall(code))


def functions(code):
    """Yields (line, length in lines) of each function body in blanked code."""
    for match in _FUNCTION.finditer(code):
        start = _body_start(code, match.start())
        if start is None:
            continue
        end = _matching_brace(code, start)
        first = code.count("\n", 0, match.start()) + 1
        last = code.count("\n", 0, end) + 1
        yield first, last - first + 1


def _body_start(code, position):
    """The opening brace of the declaration at position, or nothing for a requirement without a body."""
    depth = 0
    for index in range(position, len(code)):
        character = code[index]
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
            if depth < 0:
                return None
        elif character == "{" and depth == 0:
            return index
        elif character == "}" and depth == 0:
            return None
        elif character == "\n" and depth == 0:
            rest = code[index:].lstrip()
            if re.match(r"(func|init|var|let|static|package|public|private|mutating|case|deinit|subscript|@)\b", rest):
                return None
    return None


def _matching_brace(code, start):
    depth = 0
    for match in re.compile(r"[{}]").finditer(code, start):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    return len(code) - 1
