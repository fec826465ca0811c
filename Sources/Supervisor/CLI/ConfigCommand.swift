// `martlet config`: what a configuration file can say, for people and for editors.
import ArgumentParser

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Print what a configuration file can say.",
        subcommands: [ReferenceCommand.self, SchemaCommand.self])
}

struct ReferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference", abstract: "Every directive, with its values and its default, as a Markdown page.")

    mutating func run() throws { try Console.deliver(ReferencePage.text) }
}

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "The file as a JSON Schema, for editors that complete YAML by one.")

    mutating func run() throws { try Console.deliver(ConfigurationSchema.text) }
}
