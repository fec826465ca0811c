"""The rules the repository keeps about itself. Each rule takes the repository and yields (path, line, complaint)."""

import ast
import re

import swift_source

LINE_LENGTH = 120
# Rows of test tables hold message literals that read worse when they are cut.
TABLE_ROW_LENGTH = 160
FUNCTION_LENGTH = 70
FILE_LENGTH = 400

# Who may import whom (ARCHITECTURE.md). Anything else of ours, and any module not named here, is a complaint.
IMPORTS = {
    "HTTPMessage": {"Glibc"},
    "CachePolicy": {"Glibc", "HTTPMessage"},
    "ShmCache": {"Glibc", "CLinux", "CLZ4", "CXXHash", "CZstd"},
    "ControlChannel": {"Glibc", "CLinux"},
    "CacheTool": {"Glibc", "CLinux", "CZlib", "ShmCache"},
    "Worker": {
        "Glibc", "CLinux", "CResolver", "COpenSSL", "CZlib", "CBrotli", "CZstd", "HTTPMessage", "CachePolicy",
        "ShmCache", "ControlChannel",
    },
}
# It writes keys (a purge by URL), and takes no decision of a request.
SUPERVISOR_MAY_NOT = {"CResolver", "COpenSSL", "Worker", "CLZ4", "CXXHash", "CZstd", "CZlib", "CBrotli"}
# Strictly memory-safe targets: `unsafe` in at most this many files each.
UNSAFE_FILES = {"HTTPMessage": 1, "CachePolicy": 1}
# Every file with `unsafe` in what a worker links is on this page.
UNSAFE_PAGE = "docs/unsafe.md"
UNSAFE_TARGETS = ("HTTPMessage", "CachePolicy", "ControlChannel", "ShmCache", "Worker")

# Folders of commands, which may print.
COMMANDS = ("Sources/Supervisor/CLI/", "Sources/CacheTool/")

# The only places that may sleep: they poll a condition until a deadline.
WAITING_FILES = {"waiting.py", "Waiting.swift"}

CODE = (".swift", ".py", ".c", ".h", ".sh")


def target_of(path):
    parts = path.split("/")
    return parts[1] if len(parts) > 2 and parts[0] in ("Sources", "Tests") else None


def import_rules(repository):
    for path in repository.files("Sources/", ".swift"):
        target = target_of(path)
        for module in sorted(swift_source.imports(repository.code(path))):
            if target == "Supervisor":
                if module in SUPERVISOR_MAY_NOT:
                    yield path, 1, f"the supervisor may not import {module}"
            elif module not in IMPORTS.get(target, set()):
                yield path, 1, f"{target} may not import {module}"


def unsafe_rules(repository):
    for target, allowed in UNSAFE_FILES.items():
        using = [
            path
            for path in repository.files(f"Sources/{target}/", ".swift")
            if re.search(r"\bunsafe\b", repository.code(path))
        ]
        for path in using[allowed:]:
            yield path, 1, f"`unsafe` in {len(using)} files of {target}; {allowed} is the limit"


def unsafe_list(repository):
    """The rows of the page: each file and how many of its lines have `unsafe` in them."""
    for target in UNSAFE_TARGETS:
        for path in repository.files(f"Sources/{target}/", ".swift"):
            lines = [line for line in repository.code(path).splitlines() if re.search(r"\bunsafe\b", line)]
            if lines:
                yield f"| {path.removeprefix('Sources/')} | {len(lines)} |"


def unsafe_page_rules(repository):
    listed = set(re.findall(r"^\| \S+ \| \d+ \|$", repository.text(UNSAFE_PAGE), re.MULTILINE))
    present = set(unsafe_list(repository))
    for row in sorted(listed ^ present):
        what = "is not so any more" if row in listed else "is missing"
        yield UNSAFE_PAGE, 1, f"the row `{row}` {what}; `Tests/Tidy/tidy.py --unsafe` prints them"


def length_rules(repository):
    for path in repository.files("", *CODE):
        lines = repository.text(path).splitlines()
        if len(lines) > FILE_LENGTH:
            yield path, len(lines), f"{len(lines)} lines; {FILE_LENGTH} is the limit"
        in_tests = path.startswith("Tests/") and path.endswith(".swift")
        for number, line in enumerate(lines, 1):
            limit = TABLE_ROW_LENGTH if in_tests and '"' in line else LINE_LENGTH
            if len(line) > limit:
                yield path, number, f"{len(line)} columns; {limit} is the limit"


def function_rules(repository):
    for path in repository.files("", ".swift"):
        for line, length in swift_source.functions(repository.code(path)):
            if length > FUNCTION_LENGTH:
                yield path, line, f"a function of {length} lines; {FUNCTION_LENGTH} is the limit"
    for path in repository.files("", ".py"):
        for node in ast.walk(ast.parse(repository.text(path))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = node.end_lineno - node.lineno + 1
                if length > FUNCTION_LENGTH:
                    yield path, node.lineno, f"a function of {length} lines; {FUNCTION_LENGTH} is the limit"


def _matches(repository, paths, pattern, complaint):
    expression = re.compile(pattern)
    for path in paths:
        for number, line in enumerate(repository.code(path).splitlines(), 1):
            if expression.search(line):
                yield path, number, complaint


def banned_calls(repository):
    sources = repository.files("Sources/", ".swift")
    everywhere = repository.files("", ".swift")
    quiet = [path for path in sources if not path.startswith(COMMANDS)]
    yield from _matches(repository, everywhere, r"\btry!", "`try!`: handle the error")
    # `unsafe ... baseAddress!` of a buffer that is not empty is marked as unsafe already.
    unwrap = r"(?<!\btry)(?<!\bbaseAddress)(?<=[\w)\]])!(?![=\w])"
    yield from _matches(repository, sources, unwrap, "a force unwrap")
    yield from _matches(repository, sources, r"\bas!", "a forced cast")
    yield from _matches(repository, quiet, r"(?<![.\w])(print|debugPrint|dump)\(", "`print` outside the CLI")


def fixed_sleeps(repository):
    # The pauses of the kill storm are its subject: they are what moves the kills about.
    swift = [path for path in repository.files("Tests/", ".swift")
             if path.split("/")[-1] not in WAITING_FILES and not path.startswith("Tests/CacheStorm/")]
    complaint = "a fixed sleep: wait for a condition (Waiting.swift)"
    yield from _matches(repository, swift, r"(?<![\w])(u|nano)?sleep\(|\bTask\.sleep", complaint)
    for path in repository.files("Tests/", ".py"):
        if path.split("/")[-1] in WAITING_FILES or path.startswith("Tests/Tidy/"):
            continue
        for number, line in enumerate(repository.text(path).splitlines(), 1):
            if re.search(r"\bsleep\(", line):
                yield path, number, "a fixed sleep: wait for a condition (harness/waiting.py)"
    for path in repository.files("Tests/", ".sh"):
        for number, line in enumerate(repository.text(path).splitlines(), 1):
            if re.match(r"\s*sleep\s", line):
                yield path, number, "a fixed sleep: wait for a condition"


def opening_comments(repository):
    for path in repository.files("Sources/", ".swift"):
        if not repository.text(path).startswith("//"):
            yield path, 1, "opens without saying what lives here"


def dead_files(repository):
    """A Swift file whose declarations nobody else names, or another file that nothing refers to."""
    sources = repository.files("Sources/", ".swift")
    words = {path: set(re.findall(r"[A-Za-z_]\w*", repository.code(path))) for path in sources}
    for path in sources:
        code = repository.code(path)
        if re.search(r"@main\b|^extension\b", code, re.MULTILINE) or path.endswith("/main.swift"):
            continue
        declared = swift_source.declared_names(code)
        if not any(declared & words[other] for other in sources if other != path):
            yield path, 1, "nothing here is used by another file"
    loaded_by_folder = ("Tests/Stories/themes/", "Tests/EndToEnd/cases/")
    for path in repository.files("Tests/", ".py") + repository.files("deploy/", "") + repository.files("docs/", ""):
        name = path.split("/")[-1]
        stem = name.removesuffix(".py")
        if path.startswith(loaded_by_folder):
            continue
        if not any(_mentions(repository, other, name, stem, path) for other in repository.texts() if other != path):
            yield path, 1, "nothing refers to this file"


def _mentions(repository, other, name, stem, path):
    text = repository.text(other)
    if name in text:
        return True
    if path.endswith(".py"):
        return other.endswith(".py") and re.search(rf"\b{re.escape(stem)}\b", text) is not None
    # A directory may be named as a whole: deploy/kubernetes/.
    return f"{path.rsplit('/', 1)[0]}/" in text and path.count("/") > 1


def packages_declare_targets(repository):
    manifest = repository.text("Package.swift")
    for target in sorted({target_of(path) for path in repository.files("Sources/", "")} - {None}):
        if f'name: "{target}"' not in manifest:
            yield "Package.swift", 1, f"Sources/{target} is not a target"


def decisions_are_indexed(repository):
    index = repository.text("docs/decisions/README.md")
    for path in repository.files("docs/decisions/", ".md"):
        name = path.split("/")[-1]
        if name != "README.md" and f"({name})" not in index:
            yield path, 1, "is not in docs/decisions/README.md"


def links_lead_somewhere(repository):
    for path in repository.files("", ".md"):
        folder = path.rsplit("/", 1)[0] + "/" if "/" in path else ""
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", repository.text(path)):
            if not repository.exists(folder + target):
                yield path, 1, f"links to {target}, which is not there"


def readme_commands_exist(repository):
    targets = set(re.findall(r"^([a-z][a-z -]*):", repository.text("Makefile"), re.MULTILINE))
    targets = {name for group in targets for name in group.split()}
    for path in repository.files("", ".md"):
        for name in re.findall(r"(?:^|`)make ([a-z-]+)", repository.text(path), re.MULTILINE):
            if name not in targets:
                yield path, 1, f"names `make {name}`, which the Makefile does not have"


ALL = [
    import_rules,
    unsafe_rules,
    unsafe_page_rules,
    length_rules,
    function_rules,
    banned_calls,
    fixed_sleeps,
    opening_comments,
    dead_files,
    packages_declare_targets,
    decisions_are_indexed,
    links_lead_somewhere,
    readme_commands_exist,
]
