import Foundation
import JSON
import StepFunctionsAPI
import Testing

@testable import showrunner

extension EndToEnd {
    /// What `docs/wire.md` shows, done.
    @Suite struct WirePageTests {
        /// A fenced block of the page.
        struct Block {
            let language: String
            let line: Int
            let text: String
        }

        static func blocks() throws -> [Block] {
            var blocks: [Block] = []
            var open: (language: String, line: Int, lines: [Substring])?
            for (index, line) in try text(Binaries.checkout + "/docs/wire.md").split(
                separator: "\n", omittingEmptySubsequences: false
            ).enumerated() {
                if line.hasPrefix("```") {
                    if let block = open {
                        blocks.append(
                            Block(
                                language: block.language, line: block.line, text: block.lines.joined(separator: "\n")))
                        open = nil
                    } else {
                        open = (String(line.dropFirst(3)), index + 1, [])
                    }
                } else {
                    open?.lines.append(line)
                }
            }
            try #require(open == nil, "the last block of the page has no end")
            return blocks
        }

        @Test(
            "the page's examples do what it says that they do",
            .enabled("boto3 and the aws CLI are not installed: 'pip install boto3 awscli' to run this") {
                try await Python.has("boto3") && Program.exists("aws")
            })
        func examples() async throws {
            let stage = try sharedStage()
            let blocks = try Self.blocks()
            // One script, in which what an `export` says goes on to hold; each block's output ends with a mark.
            var script = "set -eu\n"
            var expected: [(line: Int, text: String)] = []
            for (index, block) in blocks.enumerated() {
                switch block.language {
                case "sh": script += block.text + "\n"
                case "python": script += "python3 - <<'PYTHON'\n\(block.text)\nPYTHON\n"
                case "text", "yaml": continue
                default: Issue.record("docs/wire.md:\(block.line): nobody runs '\(block.language)'")
                }
                script += "echo '==='\n"
                let next = index + 1 < blocks.count ? blocks[index + 1] : nil
                expected.append((block.line, next?.language == "text" ? next?.text ?? "" : "*"))
            }
            let ended = try await Program.run(
                "bash",
                ["-c", script.replacing("127.0.0.1:4600", with: "127.0.0.1:\(stage.port)")],
                environment: [
                    "PATH": Binaries.directory + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? ""),
                    "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                    "AWS_ENDPOINT_URL_SFN": "", "AWS_DEFAULT_REGION": "", "AWS_PAGER": "",
                ])
            try #require(ended.status == 0, "\(ended.output)\(ended.errors)")
            let outputs = ended.output.components(separatedBy: "===\n").dropLast()
            try #require(outputs.count == expected.count)
            #expect(expected.count(where: { $0.text != "*" }) >= 5, "the page compares what it prints")
            for (output, (line, text)) in zip(outputs, expected) where text != "*" {
                #expect(
                    output.trimmingCharacters(in: .newlines) == text, "docs/wire.md:\(line) prints something else")
            }
        }

        @Test("the page's quotas are a file that --request-quotas takes")
        func quotas() throws {
            let block = try #require(try Self.blocks().first { $0.language == "yaml" })
            let path = Workplace.file("quotas.yaml")
            try block.text.write(toFile: path, atomically: true, encoding: .utf8)
            let quotas = try RequestQuotaOption.read(path).quotas
            #expect(quotas["StartExecution"] == .init(bucketSize: 500, refillPerSecond: 100))
            #expect(quotas.count == 2)
        }

        @Test(
            "the page tells of every operation that the service has",
            .enabled("boto3 is not installed: 'pip install boto3' to run this") { try await Python.has("boto3") })
        func operations() async throws {
            let ended = try await Python.run(
                "import botocore.session as s\n"
                    + "print(*s.get_session().get_service_model('stepfunctions').operation_names)", [])
            let operations = ended.output.split(whereSeparator: \.isWhitespace).map(String.init)
            #expect(operations.count >= 37)
            let page = try text(Binaries.checkout + "/docs/wire.md")
            let section = try #require(
                page.components(separatedBy: "## Operations\n").last?.components(
                    separatedBy: "\n## "
                ).first)
            let told = section.split(separator: "\n").filter { $0.hasPrefix("| ") }.flatMap { row in
                row.split(separator: "|")[0].split(whereSeparator: { $0 == "," || $0 == " " }).map(String.init)
            }.filter { $0.first?.isUppercase == true }
            #expect(Set(told).isSuperset(of: operations), "\(Set(operations).subtracting(told))")
            #expect(told.count == Set(told).count, "an operation stands twice")
        }

        @Test(
            "the aws CLI drives an ingest from the machine's making to its history with nothing but the endpoint",
            .enabled("the aws CLI is not installed: 'pip install awscli' to run this") { Program.exists("aws") })
        func ingestByCLI() async throws {
            let stage = try sharedStage()
            let film = try await Film(name: "by-cli", frames: 25).make()
            let ended = try await Program.run(
                "bash", ["-c", Self.ingest, "ingest", stage.engineURL, film],
                environment: [
                    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
                    "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                    "AWS_PAGER": "",
                ])
            try #require(ended.status == 0, "\(ended.output)\(ended.errors)")
            let lines = ended.output.split(separator: "\n").map(String.init)
            #expect(lines.first == "arn:aws:states:us-east-1:000000000000:stateMachine:ingest-by-cli")
            #expect(lines.contains("SUCCEEDED"))
            let output = try JSON(parsing: try #require(lines.first { $0.hasPrefix("{") }))
            #expect(output.objectValue?.keys.sorted() == ["dash", "hls", "titleId"])
            let types = try #require(lines.last).split(separator: "\t").map(String.init)
            #expect(types.first == "ExecutionStarted" && types.last == "ExecutionSucceeded")
            #expect(types.count { $0 == "TaskSucceeded" } == 5, "\(types)")
        }

        private static let ingest = """
            set -eu
            sfn() { aws --endpoint-url "$1" stepfunctions "${@:2}" --output text; }
            prefix=arn:aws:states:us-east-1:000000000000
            sfn "$1" describe-state-machine --state-machine-arn $prefix:stateMachine:ingest --query definition \\
                > "$2.definition"
            sfn "$1" create-state-machine --name ingest-by-cli --definition "file://$2.definition" \\
                --role-arn arn:aws:iam::000000000000:role/films --query stateMachineArn
            run=$(sfn "$1" start-execution --state-machine-arn $prefix:stateMachine:ingest-by-cli --name one \\
                --query executionArn --input "{\\"source\\": \\"file://$2\\", \\"title\\": \\"By the CLI\\"}")
            for attempt in $(seq 200); do
                status=$(sfn "$1" describe-execution --execution-arn "$run" --query status)
                [ "$status" = RUNNING ] || break
            done
            echo "$status"
            sfn "$1" describe-execution --execution-arn "$run" --query output
            sfn "$1" get-execution-history --execution-arn "$run" --query 'events[].type'
            """
    }
}

extension Program {
    /// Whether a program can be found on PATH.
    static func exists(_ name: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains { folder in
            FileManager.default.isExecutableFile(atPath: "\(folder)/\(name)")
        }
    }
}
