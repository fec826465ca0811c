// The page that lists every directive with its values and its default, from the table that the reader uses.

enum ReferencePage {
    static var text: String {
        var page = head
        for section in sections {
            page += "\n## \(section.title)\n"
            if !section.prose.isEmpty { page += section.prose + "\n" }
            page += "\n| directive | value | default | what it is |\n|---|---|---|---|\n"
            for directive in Directive.all where section.has(directive.path) {
                page += row(directive.path, directive.values, directive.defaultText, directive.help)
            }
        }
        page += "\n" + lists
        return page
    }

    private struct Section {
        var title: String
        var prefixes: [String]
        var prose = ""

        func has(_ path: String) -> Bool {
            let top = path.split(separator: ".").first.map(String.init) ?? path
            return prefixes.contains(path.contains(".") ? top + "." : top)
        }
    }

    private static let sections = [
        Section(
            title: "The node",
            prefixes: ["listen", "workers", "max-workers", "runtime-dir", "worker", "pseudonym", "io", "pin"]),
        Section(
            title: "Origins",
            prefixes: ["origin", "origin-host", "balance", "origin-tls.", "health.", "dns.", "pool."],
            prose: "One for every host; `origins` and `sites` are below. What the numbers do: [origins.md](origins.md)."
        ),
        Section(title: "The cache", prefixes: ["cache."]),
        Section(
            title: "Restarts", prefixes: ["restart."],
            prose: "What happens within these times: [restarts.md](restarts.md)."),
        Section(title: "Timeouts", prefixes: ["timeouts."]),
        Section(title: "Limits", prefixes: ["limits."]),
        Section(
            title: "Cache policy", prefixes: ["policy."],
            prose: "What is cached, and why: [caching.md](caching.md)."),
    ]

    private static let head = """
        # Configuration

        Made by `martlet config reference` from the table that the program reads with; `martlet config schema` prints
        the same as a JSON Schema, for editors ([configuration.schema.json](configuration.schema.json)).

        One YAML file, given by `--config`. Dots in the names below are levels of the file:
        ```yaml
        # yaml-language-server: $schema=configuration.schema.json
        listen: ["*:80", "[::1]:8080"]
        origin: http://127.0.0.1:3000
        cache:
          size: 2GiB
          file: /var/cache/martlet/cache
        timeouts: {idle: 30s}
        ```
        Flags of `martlet run` win over the file, also in reloads; `martlet status` says which do.
        `martlet check --config FILE` reads a file as `run` and `reload` would, and complains with line and column. A
        reload takes over all of it, but another `runtime-dir` or `cache.file` is another node, `cache.max-size` is
        settled when the cache is made, and `max-workers` and `cache.size` can only be raised.

        | value | written as |
        |---|---|
        | size | `64KiB`, `512MiB`, `2GiB`, `10MB`, or plain bytes |
        | duration | `250ms`, `30s`, `5m`, `1h`, `7d`, or plain seconds; `0` and `off` for none |
        | share | `25%` |

        """

    private static var lists: String {
        var text = """
            ## `origins`
            A list of up to 64 URLs, or of mappings, instead of `origin`:

            | name | value | default | what it is |
            |---|---|---|---|

            """
        for part in Directive.ofOrigin { text += row(part.name, part.value, part.otherwise, part.help) }
        text += """

            ## `sites`
            A list. Hosts that no site names are answered by `origin` or `origins`; where there is neither they get 421.

            | name | value | default | what it is |
            |---|---|---|---|

            """
        for part in Directive.ofSite { text += row(part.name, part.value, part.otherwise, part.help) }
        return text
    }

    private static func row(_ name: String, _ value: String, _ otherwise: String?, _ help: String) -> String {
        "| `\(name)` | \(value) | \(otherwise ?? "") | \(help) |\n"
    }
}

extension Directive {
    /// What it takes, in words.
    var values: String {
        switch kind {
        case .text: "text"
        case .texts: "list"
        case .bytes: "size"
        case .size(let range, _): "size, \(range.lowerBound) B to \(Quantity.show(bytes: range.upperBound))"
        case .milliseconds, .seconds: "duration"
        case .count(let range, _): "number from \(range.lowerBound) to \(range.upperBound)"
        case .share: "share"
        case .flag: "true or false"
        case .oneOf(let names, _): names.map { "`\($0)`" }.joined(separator: ", ")
        }
    }

    /// What holds without it, as the file would say it.
    var defaultText: String? {
        if let otherwise { return otherwise }
        let settings = Settings()
        return switch kind {
        case .text, .texts: nil
        case .bytes(let setting): setting.get(settings).map { Quantity.show(bytes: $0) }
        case .size(_, let setting): setting.get(settings).map { Quantity.show(bytes: UInt64($0)) }
        case .milliseconds(let setting): setting.get(settings).map { Quantity.show(milliseconds: UInt64($0)) }
        case .seconds(let setting): setting.get(settings).map { Quantity.show(milliseconds: UInt64($0) * 1_000) }
        case .count(_, let setting): setting.get(settings).map { "\($0)" }
        case .share(let setting): setting.get(settings).map { Quantity.show(perMille: $0) }
        case .flag(let setting): setting.get(settings).map { "\($0)" }
        case .oneOf(_, let setting): setting.get(settings)
        }
    }
}
