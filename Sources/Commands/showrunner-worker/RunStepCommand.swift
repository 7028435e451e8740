import ArgumentParser
import Glibc
import MediaSteps
import Worker

/// The inside of a child process; people have no use for it.
struct RunStepCommand: ParsableCommand {
    static let name = "run-step"

    static let configuration = CommandConfiguration(
        commandName: name, abstract: "Run one step as the worker's child.", shouldDisplay: false)

    func run() throws {
        throw ExitCode(StepChild.run { MediaSteps.named($0)?.init() })
    }
}

/// The program itself, started again as its own child.
enum ChildProgram {
    static func command() throws -> [String] {
        guard let path = realpath("/proc/self/exe", nil) else {
            throw WorkerError(.child, "this program's own path is unknown: \(String(cString: strerror(errno)))")
        }
        defer { free(path) }
        return [String(cString: path), RunStepCommand.name]
    }
}
