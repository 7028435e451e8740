import ArgumentParser
import EngineClient

/// What every command that talks to an engine takes.
struct EngineOptions: ParsableArguments {
    @Option(help: "URL of the engine. Default: SHOWRUNNER_ENGINE, else http://127.0.0.1:4600.")
    var engine: String?
    @Flag(help: "Print JSON.")
    var json = false
    @Option(help: "Why, for the engine's audit log.")
    var reason: String?

    func client() throws(EngineClientError) -> EngineClient {
        try EngineClient(engine: engine, environment: EngineCommand.environment(), reason: reason)
    }
}
