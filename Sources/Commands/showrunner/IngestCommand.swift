import ArgumentParser
import EngineClient
import JSON
import TerminalOutput
import TitleMetadata

struct IngestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest", abstract: "Upload a film and start its way to the catalogue.",
        discussion: """
            Example:
              showrunner ingest film.mp4 --title "Elf" --metadata elf.yaml --wait

            Without --wait it prints the execution's ARN. With it, it shows the work and ends when the title is \
            published (0) or the run has failed (1).
            """)

    @Argument(help: "The film.")
    var file: String
    @Option(help: "The title's name. Default: the metadata's, else the file's name.")
    var title: String?
    @Option(help: "A YAML file with kind, genres, year, rating, languages, series, season, episode, description.")
    var metadata: String?
    @Option(help: "How the film is encrypted: none, cbcs (what players take today) or cenc (older ones).")
    var protection = "none"
    @Option(help: "Which qualities are made: fixed, by the film's size, or per-title, by trial. (default: fixed)")
    var ladder: String?
    @Option(help: "What pictures are coded in beside h264, comma-separated: hevc, av1, vp9.")
    var codecs: String?
    @Flag(name: .customLong("no-cache"), help: "Encode anew what has been encoded before.")
    var ignoresResults = false
    @Flag(help: "Wait until the run has ended.")
    var wait = false
    @OptionGroup var change: ChangeReason
    @OptionGroup var engine: EngineOptions

    func validate() throws {
        guard ["none", "cbcs", "cenc"].contains(protection) else {
            throw ValidationError("--protection has to be none, cbcs or cenc")
        }
        guard ladder.map({ ["fixed", "per-title"].contains($0) }) ?? true else {
            throw ValidationError("--ladder has to be fixed or per-title")
        }
        for codec in (codecs ?? "").split(separator: ",") where !["h264", "hevc", "av1", "vp9"].contains(codec) {
            throw ValidationError("--codecs has '\(codec)'; it has to be of h264, hevc, av1, vp9")
        }
    }

    func run() async throws {
        let client = try engine.client(change)
        var members = [(name: "filename", value: file.split(separator: "/").last.map(String.init) ?? file)]
        if let title { members.append((name: "title", value: title)) }
        if let metadata { members.append((name: "metadata", value: try readMetadata(metadata).text)) }
        members.append((name: "protection", value: protection))
        if let ladder { members.append((name: "ladder", value: ladder)) }
        if let codecs { members.append((name: "codecs", value: codecs)) }
        if ignoresResults { members.append((name: "reuse", value: "false")) }
        let upload = try Upload(path: file, metadata: members)
        let display = RunDisplay(isQuiet: engine.json || !wait)
        let arn = try await client.send(upload) { display.upload(sent: $0, of: upload.bytes) }
        guard wait else {
            if engine.json {
                Terminal.json(["executionArn": .string(arn)])
            } else {
                Terminal.line(arn)
            }
            return
        }
        let run = try await display.follow(FoundRun(client: client, arn: arn))
        try RunReport.end(run, json: engine.json)
    }

    private func readMetadata(_ path: String) throws -> JSON {
        let tree = try SourceFile.readOrExit(path, limit: 64 << 10).json
        do throws(TitleMetadataError) { _ = try TitleMetadata(title: title ?? "untitled", document: tree) } catch {
            throw ValidationError(
                "the metadata in \(path) is not right:\n"
                    + error.problems.map { "  \($0.description)" }.joined(separator: "\n"))
        }
        return tree
    }
}
