import Foundation
import Subprocess
import SystemPackage
import Testing

/// The simulation of engines, workers and a database, played from seeds by its own program.
@Suite("Simulation", .timeLimit(.minutes(5)))
struct SimulationTests {
    private static let path: String = {
        let places = [Bundle.main.executablePath].compactMap { $0 } + ProcessInfo.processInfo.arguments
        for place in places {
            let path = URL(filePath: place).deletingLastPathComponent().path + "/showrunner-simulation"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        preconditionFailure("showrunner-simulation does not lie beside the tests")
    }()

    private func play(_ arguments: String...) async throws -> (isSuccess: Bool, output: String) {
        let result = try await Subprocess.run(
            .path(FilePath(Self.path)), arguments: Arguments(arguments), output: .string(limit: 64 << 20),
            error: .string(limit: 1 << 20))
        return (result.terminationStatus.isSuccess, result.standardOutput + result.standardError)
    }

    @Test("whatever goes wrong, what must hold holds")
    func seeds() async throws {
        let answer = try await play("--seed", "1", "--seeds", "60")
        #expect(answer.isSuccess, "\(answer.output)")
        // Otherwise nothing was tested.
        for what in [
            "answered twice", "called back", "called back too late", "effect childExecutionRedriven",
            "effect errorCaught", "effect mapRunRedriven", "effect taskSubmitted", "effect waitStarted",
            "engine died", "engine frozen", "fault frozen", "fault lateCommit", "fault replyLost",
            "fault requestLost", "lease lost", "missed deadline", "noted as cold", "redriven", "refused rows",
            "restarted", "silent in calm", "snapshots", "stale answer refused", "stopped by hand", "stranded",
            "stranded row met its successor's", "takeover", "takeover waited", "titles",
            "token heard of", "batches at once", "waited for a name", "worker died", "worker late", "worker silent",
            "worker silent after a heartbeat",
        ] {
            #expect(answer.output.contains("\n  \(what): "), "no seed had: \(what)")
        }
    }

    /// 158: an engine stands still before it has renewed its lease for the first time.
    @Test("seeds that have found something find it no more", arguments: [158])
    func found(_ seed: Int) async throws {
        let answer = try await play("--seed", "\(seed)", "--seeds", "1")
        #expect(answer.isSuccess, "\(answer.output)")
    }

    @Test("a seed gives the same trace again", arguments: [3, 17, 40])
    func repetition(_ seed: Int) async throws {
        let first = try await play("--seed", "\(seed)", "--trace")
        let second = try await play("--seed", "\(seed)", "--trace")
        #expect(first.isSuccess && first.output == second.output)
        #expect(first.output.split(separator: "\n").count > 50)
    }
}
