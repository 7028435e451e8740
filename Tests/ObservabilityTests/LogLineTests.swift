import Glibc
import JSON
import Logging
import Observability
import Testing

@Suite("Log lines")
struct LogLineTests {
    /// What a handler writes during `body`.
    private func lines(
        _ format: LogLineHandler.Format, level: Logger.Level = .trace, _ body: (Logger) -> Void
    ) throws -> [String] {
        var descriptors: [CInt] = [0, 0]
        try #require(pipe(&descriptors) == 0)
        let output = LogOutput(descriptor: descriptors[1])
        body(
            Logger(label: "engine.journal") { label in
                LogLineHandler(label: label, service: "engine", level: level, format: format, output: output)
            })
        close(descriptors[1])
        defer { close(descriptors[0]) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptors[0], &buffer, buffer.count)
            if count <= 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test("for machines a line is one JSON object")
    func json() throws {
        let lines = try lines(.json) { logger in
            var logger = logger
            logger[metadataKey: "execution"] = "e-1"
            logger.warning(
                "two\nlines \"quoted\"", metadata: ["attempt": "2", "list": ["a", "b"], "more": ["k": "v"]])
        }
        #expect(lines.count == 1)
        let line = try JSON(parsing: try #require(lines.first))
        #expect(line["level"] == "warning")
        #expect(line["service"] == "engine")
        #expect(line["label"] == "engine.journal")
        #expect(line["pid"] == .integer(Int64(getpid())))
        #expect(line["message"] == "two\nlines \"quoted\"")
        #expect(
            line["metadata"]
                == .object([
                    "execution": "e-1", "attempt": "2", "list": .array(["a", "b"]), "more": .object(["k": "v"]),
                ]))
        let time = try #require(line["time"]?.stringValue)
        #expect(time.wholeMatch(of: /20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d\.\d{3}Z/) != nil)
    }

    @Test("for people a line is text that the terminal does not obey")
    func text() throws {
        let lines = try lines(.text) { logger in
            logger.error("gone\u{1B}[2J\nnext", metadata: ["file": "a b", "x": ""])
        }
        #expect(lines.count == 1)
        #expect(
            lines.first?.drop { $0 != " " }
                == " error    engine/engine.journal: gone\\u{1b}[2J\\nnext file=\"a b\" x=\"\"")
    }

    @Test("an error stands in the line")
    func errors() throws {
        struct Full: Error, CustomStringConvertible { let description = "disk full" }
        let line = try JSON(parsing: try #require(try lines(.json) { $0.error("cannot write", error: Full()) }.first))
        #expect(line["error"] == "disk full")
    }

    @Test("what is below the level is not written, and what is long is cut")
    func limits() throws {
        let lines = try lines(.json, level: .notice) { logger in
            logger.info("quiet")
            logger.notice("\(String(repeating: "x", count: 40_000))")
        }
        #expect(lines.count == 1)
        #expect(lines.first?.hasSuffix("x... (40000 bytes)\"}") == true)
    }

    @Test("a reader who has gone does not stop the program")
    func closedPipe() throws {
        // The write fails with EPIPE once the signal is ignored, as every server here does.
        signal(SIGPIPE, SIG_IGN)
        var descriptors: [CInt] = [0, 0]
        try #require(pipe(&descriptors) == 0)
        close(descriptors[0])
        defer { close(descriptors[1]) }
        let output = LogOutput(descriptor: descriptors[1])
        let logger = Logger(label: "x") { label in
            LogLineHandler(label: label, service: "s", level: .info, format: .json, output: output)
        }
        logger.info("into the void")
    }

    @Test(
        "the level comes from SHOWRUNNER_LOG",
        arguments: [(nil, Logger.Level.info), ("", .info), ("debug", .debug), ("WARNING", .warning)])
    func level(_ text: String?, _ level: Logger.Level) throws {
        #expect(try logLevel(from: text.map { ["SHOWRUNNER_LOG": $0] } ?? [:]) == level)
    }

    @Test("a level that is none is refused with those that are")
    func badLevel() {
        let error = #expect(throws: ObservabilityError.self) { try logLevel(from: ["SHOWRUNNER_LOG": "loud"]) }
        #expect(
            error?.message
                == "SHOWRUNNER_LOG is 'loud'; it has to be one of trace, debug, info, notice, warning, error, critical."
        )
    }
}
