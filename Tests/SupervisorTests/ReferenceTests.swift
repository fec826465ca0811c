// The reference page and the schema say what the reader does.
import Foundation
import Testing

@testable import Supervisor

private func committed(_ name: String) throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    return try String(contentsOf: root.appending(path: "docs/\(name)"), encoding: .utf8)
}

struct ReferenceTests {
    @Test func pageIsWhatTheProgramPrints() throws {
        let page = try committed("configuration.md")
        #expect(page == ReferencePage.text, "run `make reference`")
    }

    @Test func schemaIsWhatTheProgramPrints() throws {
        let schema = try committed("configuration.schema.json")
        #expect(schema == ConfigurationSchema.text, "run `make reference`")
    }

    @Test func everyDirectiveHasALine() {
        for directive in Directive.all {
            #expect(ReferencePage.text.contains("| `\(directive.path)` |"), "\(directive.path)")
        }
    }

    /// A default that is a value can be written in the file, and changes nothing there.
    @Test(arguments: Directive.all.filter { $0.otherwise == nil }.map(\.path))
    func defaultsReadBack(path: String) throws {
        let directive = try #require(Directive.all.first { $0.path == path })
        let value = try #require(directive.defaultText)
        let names = path.split(separator: ".")
        let text = names.joined(separator: ": {") + ": \(value)" + String(repeating: "}", count: names.count - 1)
        var settings = Settings()
        try ConfigFile(path: "m.yaml").parse(text, into: &settings)
        settings.places = [:]
        #expect(settings == Settings(), "\(text)")
    }

    @Test func schemaKnowsEveryDirective() throws {
        let parsed = try JSONSerialization.jsonObject(with: Data(ConfigurationSchema.text.utf8))
        let root = try #require(parsed as? [String: Any])
        for directive in Directive.all {
            var place = root
            for name in directive.path.split(separator: ".") {
                let properties = try #require(place["properties"] as? [String: Any], "\(directive.path)")
                place = try #require(properties[String(name)] as? [String: Any], "\(directive.path)")
            }
            #expect(place["description"] as? String != nil)
        }
    }
}
