import ArgumentParser
import Testing

@testable import showrunner

/// A command with the words that call it.
struct Command: Sendable, CustomTestStringConvertible {
    let words: [String]
    let type: any ParsableCommand.Type

    var isGroup: Bool { !type.configuration.subcommands.isEmpty }
    /// Handed to `showrunner-worker` as it stands, flags and all.
    var isHandedOver: Bool {
        let media: [any ParsableCommand.Type] = [
            ProbeCommand.self, TranscodeCommand.self, ThumbsCommand.self, PackageCommand.self, InspectCommand.self,
        ]
        return media.contains { $0 == type }
    }
    var help: String { Showrunner.helpMessage(for: type, columns: 100) }
    var testDescription: String { words.joined(separator: " ") }

    /// Every command of the program.
    static let all: [Command] = below(Command(words: ["showrunner"], type: Showrunner.self))

    private static func below(_ command: Command) -> [Command] {
        [command]
            + command.type.configuration.subcommands.flatMap {
                below(Command(words: command.words + [$0._commandName], type: $0))
            }
    }
}
