import ArgumentParser
import EngineClient
import JSON
import TerminalOutput

/// What every command that talks to an engine takes.
struct EngineOptions: ParsableArguments {
    @Option(help: "URL of the engine. Default: SHOWRUNNER_ENGINE, else http://127.0.0.1:4600.")
    var engine: String?
    @Flag(help: "Print JSON.")
    var json = false

    /// - Parameter change: why something is changed; nil where nothing is.
    func client(_ change: ChangeReason? = nil) throws(EngineClientError) -> EngineClient {
        try EngineClient(engine: engine, environment: ProcessEnvironment.variables, reason: change?.reason)
    }

    /// Prints a list that the engine gave: with `--json` the document as it is, else a table of one of its members; where
    /// that is empty, a word on standard error.
    ///
    /// - Parameters:
    ///   - none: what is said of an empty list.
    ///   - columns: the table's first line.
    ///   - row: a line for one of the list, with as many cells.
    func print(
        _ document: JSON, list member: String, none: String, columns: [String], row: (JSON) -> [String]
    ) {
        if json { return Terminal.json(document) }
        let items = document[member]?.arrayValue ?? []
        if items.isEmpty { return Terminal.error(none) }
        Terminal.table([columns] + items.map(row))
    }
}

/// What every command takes that changes something.
struct ChangeReason: ParsableArguments {
    @Option(help: "Why, for the engine's audit log.")
    var reason: String?

    /// What others will read has to be said.
    func require(_ sentence: String) throws {
        guard reason?.isEmpty == false else { throw ValidationError(sentence) }
    }
}
