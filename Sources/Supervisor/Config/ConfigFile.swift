// Reads the YAML configuration file into settings. Every complaint names file, line and column, and a suggestion where
// there is one.
import ControlChannel
import Foundation
import Glibc
import Yams

struct ConfigFile {
    let path: String

    static func read(path: String, into settings: inout Settings) throws(Failure) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .usage("configuration file \(path) \(whyUnreadable(path))")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw .usage("configuration file \(path) is not UTF-8 text")
        }
        try ConfigFile(path: path).parse(text, into: &settings)
    }

    /// The system's word for it. What opens and reads well is no file: reloads must find the same bytes again.
    private static func whyUnreadable(_ path: String) -> String {
        let fd = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard fd >= 0 else { return errno == ENOENT ? "does not exist" : "cannot be read: \(systemText(errno))" }
        defer { close(fd) }
        var byte: UInt8 = 0
        let isRefused = unsafe Glibc.read(fd, &byte, 1) < 0 && errno != EAGAIN
        return "cannot be read: \(isRefused ? systemText(errno) : "it is no regular file")"
    }

    func parse(_ text: String, into settings: inout Settings) throws(Failure) {
        let root: Yams.Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw syntax(error, in: text)
        }
        guard let root else { return }
        guard let mapping = root.mapping else { throw at(root, "the file must be a list of `name: value` lines") }
        var seen: Set<String> = []
        try walk(mapping, prefix: "", &seen, into: &settings)
    }

    // MARK: Walking

    private func walk(
        _ mapping: Yams.Node.Mapping, prefix: String, _ seen: inout Set<String>, into settings: inout Settings
    ) throws(Failure) {
        for (key, value) in mapping {
            guard let name = key.scalar?.string else { throw at(key, "a directive's name must be a word") }
            let path = prefix + name
            guard !seen.contains(path) else { throw at(key, "'\(path)' is there twice") }
            if path == "sites" {
                try readSites(value, into: &settings)
            } else if path == "origins" {
                guard settings.origin == nil else { throw bothKinds(key) }
                settings.origins = try readOrigins(value)
            } else if path == "origin", !settings.origins.isEmpty {
                throw bothKinds(key)
            } else if let directive = Directive.all.first(where: { $0.path == path }) {
                seen.insert(path)
                settings.places[path] = place(value)
                try apply(directive, value, into: &settings)
            } else if Directive.all.contains(where: { $0.path.hasPrefix(path + ".") }), value.mapping == nil {
                throw at(value, "'\(path)' has settings of its own: \(settingNames(of: path))")
            } else if let inner = value.mapping, Directive.all.contains(where: { $0.path.hasPrefix(path + ".") }) {
                try walk(inner, prefix: path + ".", &seen, into: &settings)
            } else {
                throw at(key, unknown(name, prefix: prefix))
            }
        }
    }

    private func settingNames(of path: String) -> String {
        Directive.all.filter { $0.path.hasPrefix(path + ".") }.map(\.path).sorted().joined(separator: ", ")
    }

    private func unknown(_ name: String, prefix: String) -> String {
        var known = Directive.all.filter { $0.path.hasPrefix(prefix) }
            .map { String($0.path.dropFirst(prefix.count).prefix { $0 != "." }) }
        if prefix.isEmpty { known += ["sites", "origins"] }
        let place = prefix.isEmpty ? "" : " in '\(prefix.dropLast())'"
        let hint = guess(name, known)
        if !hint.isEmpty { return "unknown directive '\(name)'\(place)\(hint)" }
        if let elsewhere = Directive.all.first(where: { $0.path.hasSuffix("." + name) }) {
            return "unknown directive '\(name)'\(place); did you mean '\(elsewhere.path)'?"
        }
        return "unknown directive '\(name)'\(place); known are \(Set(known).sorted().joined(separator: ", "))"
    }

    private func readSites(_ value: Yams.Node, into settings: inout Settings) throws(Failure) {
        guard let list = value.sequence else { throw at(value, "'sites' must be a list") }
        for one in list {
            guard let mapping = one.mapping else { throw at(one, "a site must have 'hosts' and 'origin'") }
            var site = Settings.SiteSettings(name: "", hosts: [])
            for (key, value) in mapping {
                switch key.scalar?.string {
                case "name": site.name = try located(value) { () throws(Failure) in try scalar(value) }
                case "hosts": site.hosts = try hosts(value, besides: settings.sites)
                case "origin", "origins":
                    guard site.origins.isEmpty else { throw bothKinds(key) }
                    site.origins =
                        key.scalar?.string == "origins"
                        ? try readOrigins(value) : [try located(value) { () throws(Failure) in try upstream(value) }]
                case "balance": site.balance = try choice(value, Directive.balances)
                case "origin-host": site.hostHeader = try choice(value, Directive.hostFields)
                default: throw unknown(key, in: "a site", Directive.ofSite)
                }
            }
            guard !site.origins.isEmpty else { throw at(one, "this site has no 'origin'") }
            guard !site.hosts.isEmpty else { throw at(one, "this site has no 'hosts'") }
            if site.name.isEmpty { site.name = site.hosts[0] }
            settings.sites.append(site)
        }
    }

    private func hosts(
        _ node: Yams.Node, besides sites: [Settings.SiteSettings]
    ) throws(Failure) -> [String] {
        var found: [String] = []
        for one in node.sequence.map(Array.init) ?? [node] {
            try located(one) { () throws(Failure) in
                let host = try SiteHost(try scalar(one)).name
                if found.contains(host) { throw .usage("host '\(host)' is there twice") }
                if let other = sites.first(where: { $0.hosts.contains(host) }) {
                    throw .usage("host '\(host)' is the site's '\(other.name)' already")
                }
                found.append(host)
            }
        }
        return found
    }

    private func readOrigins(_ value: Yams.Node) throws(Failure) -> [Settings.Upstream] {
        guard let list = value.sequence, !list.isEmpty else { throw at(value, "'origins' must be a list of URLs") }
        guard list.count <= 64 else { throw at(value, "at most 64 origins answer for one site") }
        var found: [Settings.Upstream] = []
        for one in list { found.append(try located(one) { () throws(Failure) in try upstream(one) }) }
        return found
    }

    /// A URL, or a mapping with `url`, `weight` and `server-name`.
    private func upstream(_ node: Yams.Node) throws(Failure) -> Settings.Upstream {
        guard let mapping = node.mapping else { return Settings.Upstream(url: try OriginURL(try scalar(node))) }
        var url: OriginURL?
        var weight: UInt32 = 1
        var serverName = ""
        for (key, value) in mapping {
            let expected = "a weight from 1 to 1000"
            switch key.scalar?.string {
            case "url": url = try located(value) { () throws(Failure) in try OriginURL(try scalar(value)) }
            case "server-name": serverName = try located(value) { () throws(Failure) in try scalar(value) }
            case "weight":
                weight = try located(value) { () throws(Failure) in
                    try number(value, expected) { UInt32($0).flatMap { (1...1000).contains($0) ? $0 : nil } }
                }
            default: throw unknown(key, in: "an origin", Directive.ofOrigin)
            }
        }
        guard let url else { throw at(node, "this origin has no 'url'") }
        return Settings.Upstream(url: url, weight: weight, serverName: serverName)
    }

    private func choice<Value>(_ node: Yams.Node, _ choices: KeyValuePairs<String, Value>) throws(Failure) -> Value {
        choices[try position(node, among: choices.map(\.key))].value
    }

    private func position(_ node: Yams.Node, among names: [String]) throws(Failure) -> Int {
        try located(node) { () throws(Failure) in
            let text = try scalar(node)
            if let found = names.firstIndex(of: text) { return found }
            throw .usage("expected one of \(names.joined(separator: ", ")), found '\(text)'\(guess(text, names))")
        }
    }

    private func unknown(_ key: Yams.Node, in place: String, _ known: [Directive.Part]) -> Failure {
        let name = key.scalar?.string ?? ""
        return at(key, "unknown directive '\(name)' in \(place)\(guess(name, known.map(\.name)))")
    }

    /// What may have been meant, for the end of a complaint.
    private func guess(_ text: String, _ names: [String]) -> String {
        nearest(to: text, among: names).map { "; did you mean '\($0)'?" } ?? ""
    }

    private func apply(_ directive: Directive, _ value: Yams.Node, into settings: inout Settings) throws(Failure) {
        try located(value) { () throws(Failure) in
            switch directive.kind {
            case .text(let set): try set(&settings, try scalar(value))
            case .texts(let check, let set): try set(&settings, try texts(value, check))
            case .bytes(let setting): setting.set(&settings, try number(value, "a size such as 64KiB", Quantity.bytes))
            case .size(let range, let setting):
                let expected = "a size from \(range.lowerBound) to \(range.upperBound) bytes"
                let bytes = try number(value, expected, Quantity.bytes)
                guard range.contains(bytes) else { throw .usage("expected \(expected), found \(bytes)") }
                setting.set(&settings, UInt32(clamping: bytes))
            case .milliseconds(let setting):
                // What 32 bits of milliseconds hold, in whole days.
                setting.set(&settings, UInt32(clamping: try duration(value, most: 48)))
            case .seconds(let setting):
                // Upwards: half a second must not become 0, which means "off" or "for ever".
                let milliseconds = try duration(value, most: 36_525)
                setting.set(&settings, UInt32(clamping: milliseconds / 1_000 + (milliseconds % 1_000 > 0 ? 1 : 0)))
            case .count(let range, let setting):
                let expected = "a number from \(range.lowerBound) to \(range.upperBound)"
                let count = try number(value, expected) { UInt32($0) }
                guard range.contains(count) else { throw .usage("expected \(expected), found \(count)") }
                setting.set(&settings, count)
            case .share(let setting):
                setting.set(&settings, try number(value, "a share such as 25%", Quantity.perMille))
            case .flag(let setting):
                setting.set(&settings, try number(value, "true or false") { Bool($0) })
            case .oneOf(let choices, let setting): setting.set(&settings, choices[try position(value, among: choices)])
            }
        }
    }

    // MARK: Values

    private func scalar(_ node: Yams.Node) throws(Failure) -> String {
        guard let scalar = node.scalar, !scalar.string.isEmpty else { throw .usage("expected a value") }
        // YAML's null, unless it is quoted, is no text.
        let isNull = scalar.style != .singleQuoted && scalar.style != .doubleQuoted
        if isNull, ["~", "null", "Null", "NULL"].contains(scalar.string) { throw .usage("expected a value") }
        return scalar.string
    }

    private func texts(
        _ node: Yams.Node, _ check: (String) throws(Failure) -> Void
    ) throws(Failure) -> [String] {
        var found: [String] = []
        for one in node.sequence.map(Array.init) ?? [node] {
            try located(one) { () throws(Failure) in
                let text = try scalar(one)
                try check(text)
                found.append(text)
            }
        }
        return found
    }

    private func duration(_ node: Yams.Node, most days: UInt64) throws(Failure) -> UInt64 {
        let milliseconds = try number(node, "a duration such as 30s, 5m or 250ms", Quantity.milliseconds)
        guard milliseconds <= days * 86_400_000 else { throw .usage("expected a duration of at most \(days)d") }
        return milliseconds
    }

    private func number<T>(_ node: Yams.Node, _ expected: String, _ parse: (String) -> T?) throws(Failure) -> T {
        let text = try scalar(node)
        guard let value = parse(text) else { throw .usage("expected \(expected), found '\(text)'") }
        return value
    }

    // MARK: Complaints

    private func located<T>(_ node: Yams.Node, _ body: () throws(Failure) -> T) throws(Failure) -> T {
        do {
            return try body()
        } catch {
            throw error.description.hasPrefix(path + ":") ? error : at(node, error.description)
        }
    }

    private func at(_ node: Yams.Node, _ text: String) -> Failure { .usage(place(node) + text) }

    private func place(_ node: Yams.Node) -> String { "\(path):\(node.mark?.line ?? 1):\(node.mark?.column ?? 1): " }

    private func place(_ mark: Mark) -> String { "\(path):\(mark.line):\(mark.column): " }

    private func bothKinds(_ key: Yams.Node) -> Failure {
        at(key, "both 'origin' and 'origins' are configured; keep one of them")
    }

    private func syntax(_ error: any Error, in text: String) -> Failure {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            .usage(place(mark) + problem + (isTab(mark, in: text) ? "; use spaces, not tabs" : ""))
        case .duplicatedKeysInMapping(let duplicates, let context):
            .usage(place(context.mark) + "named twice: \(duplicates.sorted().joined(separator: ", "))")
        default: .usage("\(path): not YAML: \(error)")
        }
    }

    /// Whether the line is indented with a tab, or one stands where reading ended.
    private func isTab(_ mark: Mark, in text: String) -> Bool {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.indices.contains(mark.line - 1) else { return false }
        let line = lines[mark.line - 1].unicodeScalars
        return line.prefix { $0 == " " || $0 == "\t" }.contains("\t") || line.dropFirst(mark.column - 1).first == "\t"
    }
}
