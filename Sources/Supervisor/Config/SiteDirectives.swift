// What a site and an origin of the configuration file consist of: for the reader's suggestions and the reference page.

extension Directive {
    /// A name inside a list's elements, what it takes, and what it is for.
    struct Part: Sendable {
        var name: String
        var value: String
        var help: String
        var otherwise: String?
    }

    static let ofSite = [
        Part(name: "name", value: "text", help: "What the site is called in `status`", otherwise: "its first host"),
        Part(
            name: "hosts", value: "names",
            help: "Hosts that the site answers for, without ports; no host can be in two sites"),
        Part(name: "origin", value: "URL", help: "The server that answers for it"),
        Part(name: "origins", value: "list of origins", help: "Several servers, instead of `origin`"),
        Part(
            name: "balance", value: balances.map(\.key).joined(separator: ", "),
            help: "Which of them gets a request", otherwise: balances[0].key),
        Part(
            name: "origin-host", value: hostFields.map(\.key).joined(separator: ", "),
            help: "Which Host field the origin gets", otherwise: hostFields[0].key),
    ]

    static let ofOrigin = [
        Part(name: "url", value: "URL", help: "`http://HOST[:PORT]` or `https://HOST[:PORT]`"),
        Part(
            name: "weight", value: "number from 1 to 1000", help: "Its share of the requests beside the others",
            otherwise: "1"),
        Part(
            name: "server-name", value: "text", help: "The name that its certificate must have",
            otherwise: "the host of the URL"),
    ]
}
