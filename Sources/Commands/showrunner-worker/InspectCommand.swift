import ArgumentParser
import Encodings
import Glibc
import HTTP
import JSON
import Packaging
import TerminalOutput

struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Tell what a package or a file of one holds, and what is wrong with it.",
        discussion: """
            Example:
              showrunner inspect package/master.m3u8 package/manifest.mpd
              showrunner inspect package/video-720p/init.mp4
              showrunner inspect https://media.example/film/master.m3u8 --json

            A playlist or manifest is inspected with all it names: rules with their lines, times, keys, and bandwidths \
            measured against those said. Named together, a playlist and a manifest must name the same media files.
            Exit codes: 0 nothing wrong, 1 errors found, 2 wrong use.
            """)

    @Argument(help: ArgumentHelp("Files or http(s) addresses: .m3u8, .mpd, .mp4, .m4s, .vtt.", valueName: "file|url"))
    var addresses: [String]

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
        for address in addresses where !address.isWebAddress { try LocalMedia.checkReadable(address) }
        let client = HTTPClient()
        var inspection = PackageInspection { address, range in
            address.isWebAddress
                ? try await Self.fetch(address, range, client) : try Self.readFile(address, range)
        }
        for address in addresses { await inspection.inspect(address) }
        inspection.compare()
        json ? Terminal.json(Self.document(inspection)) : Self.print(inspection)
        if inspection.errors > 0 { throw ExitCode(1) }
    }

    private static func print(_ inspection: PackageInspection) {
        for section in inspection.sections {
            Terminal.line(section.address)
            for line in section.lines { Terminal.line("  " + line) }
            for finding in section.findings {
                let line = finding.line.map { ":\($0)" } ?? ""
                Terminal.line("\(section.address)\(line): \(finding.severity.rawValue): \(finding.message)")
            }
        }
        let warnings = inspection.sections.reduce(0) { $0 + $1.findings.count } - inspection.errors
        Terminal.line("\(counted(inspection.errors, "error")), \(counted(warnings, "warning"))")
    }

    private static func document(_ inspection: PackageInspection) -> JSON {
        [
            "errors": .integer(inspection.errors),
            "sections": .array(
                inspection.sections.map { section in
                    [
                        "address": .string(section.address), "lines": .array(section.lines.map(JSON.string)),
                        "findings": .array(
                            section.findings.map { finding in
                                .members(
                                    ("line", finding.line.map { .integer($0) }),
                                    ("severity", .string(finding.severity.rawValue)),
                                    ("message", .string(finding.message)))
                            }),
                    ]
                }),
        ]
    }

    /// What is read of one address at once: a segment is far smaller.
    private static let limit = 1 << 30

    private static func readFile(_ path: String, _ range: Range<Int>?) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Unreadable(reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Unreadable(reason: String(cString: strerror(errno))) }
        let size = Int(status.st_size)
        let start = min(range?.lowerBound ?? 0, size)
        let count = min(range?.upperBound ?? size, size) - start
        guard count <= limit else { throw Unreadable(reason: "\(count) bytes are too many") }
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes[done...].withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress, $0.count, off_t(start + done))
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else {
                throw Unreadable(reason: got == 0 ? "it got shorter" : String(cString: strerror(errno)))
            }
            done += got
        }
        return bytes
    }

    private static func fetch(_ address: String, _ range: Range<Int>?, _ client: HTTPClient) async throws -> [UInt8] {
        var request = HTTPRequest("GET", address, maxResponseBytes: limit, maxRedirects: 5)
        if let range {
            if range.isEmpty { return [] }
            request.headers["Range"] = HTTPClient.rangeHeader(Int64(range.lowerBound)..<Int64(range.upperBound))
        }
        let response = try await client.send(request)
        switch response.status {
        case 206: return Array(response.body)
        // A server that knows no ranges sends all.
        case 200:
            guard let range else { return Array(response.body) }
            return Array(response.body.dropFirst(range.lowerBound).prefix(range.count))
        case 416: return []
        default: throw Unreadable(reason: "the server answered \(response.status)")
        }
    }

    private struct Unreadable: Error, CustomStringConvertible {
        let reason: String
        var description: String { reason }
    }
}

extension String {
    fileprivate var isWebAddress: Bool { hasPrefix("http://") || hasPrefix("https://") }
}
