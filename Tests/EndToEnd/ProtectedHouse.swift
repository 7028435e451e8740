import Encodings
import EngineClient
import Foundation
import HTTP
import JSON
import Testing

/// One film, encoded once, and packages of it with and without protection, each published as a title of its own.
struct ProtectedHouse: Sendable {
    let stage: TestStage
    let film: Film
    /// What the encoding gave: renditions, thumbnails, media.
    let encoded: JSON

    /// A published package.
    struct Title: Sendable {
        let id: String
        let hls: String
        let arn: String
    }

    private static let prepare: JSON = [
        "StartAt": "Validate",
        "States": [
            "Validate": [
                "Type": "Task", "Resource": "arn:aws:states:::showrunner:validate", "ResultPath": "$.media",
                "Next": "Transcode",
            ],
            "Transcode": [
                "Type": "Task", "Resource": "arn:aws:states:::showrunner:transcode",
                "Parameters": ["source.$": "$.media.source", "media.$": "$.media"],
                "ResultSelector": ["renditions.$": "$.renditions"], "ResultPath": "$.encoded", "Next": "Thumbnails",
            ],
            "Thumbnails": [
                "Type": "Task", "Resource": "arn:aws:states:::showrunner:thumbnail",
                "Parameters": ["source.$": "$.media.source", "media.$": "$.media"], "ResultPath": "$.thumbnails",
                "End": true,
            ],
        ],
    ]

    private static let release: JSON = [
        "StartAt": "Protect",
        "States": [
            "Protect": [
                "Type": "Task", "Resource": "arn:aws:states:::showrunner:protect",
                "Parameters": ["protection.$": "$.protection", "renditions.$": "$.renditions"],
                "ResultPath": "$.protect", "Next": "Package",
            ],
            "Package": [
                "Type": "Task", "Resource": "arn:aws:states:::showrunner:package",
                "Parameters": [
                    "renditions.$": "$.renditions", "thumbnails.$": "$.thumbnails", "protection.$": "$.protection",
                    "keys.$": "$.protect.keys",
                ], "ResultPath": "$.package", "Next": "Publish",
            ],
            "Publish": [
                "Type": "Task", "Resource": "arn:aws:states:::showrunner:publish",
                "Parameters": [
                    "title.$": "$.title", "metadata.$": "$.metadata", "media.$": "$.media", "package.$": "$.package",
                    "thumbnails.$": "$.thumbnails",
                ], "End": true,
            ],
        ],
    ]

    private static let cues = """
        WEBVTT

        00:00:00.000 --> 00:00:04.000
        The first words

        00:00:04.500 --> 00:00:09.500
        The last words

        """

    /// - Parameter isDubbed: whether the film's sound is there as German, too.
    init(_ stage: TestStage, _ film: Film, isDubbed: Bool = false) async throws {
        self.stage = stage
        self.film = film
        for (name, definition) in [("prepare-protected", Self.prepare), ("release-protected", Self.release)] {
            _ = try await stage.client.call(
                "CreateStateMachine",
                [
                    "name": .string(name), "roleArn": "arn:aws:iam::000000000000:role/none",
                    "definition": .string(definition.text),
                ])
        }
        let path = try await film.make()
        var made = try await Self.run(stage, "prepare-protected", ["source": .string("file://\(path)")]).output
        made["renditions"] = made["encoded"]?["renditions"]
        made["encoded"] = nil
        // Subtitles, as a step before would have left them in the store.
        let key = "work/house/\(stage.port).vtt"
        let file = "\(stage.directory)/objects/\(key)"
        try FileManager.default.createDirectory(
            atPath: "\(stage.directory)/objects/work/house", withIntermediateDirectories: true)
        try Self.cues.write(toFile: file, atomically: true, encoding: .utf8)
        let digest = try await Program.run("sha256sum", [file]).output.prefix(64)
        let text: JSON = [
            "kind": "text", "name": "text-en", "language": "en", "role": "subtitle",
            "file": [
                "key": .string(key), "bytes": .integer(Self.cues.utf8.count), "sha256": .string(String(digest)),
            ],
        ]
        var renditions = made["renditions"]?.arrayValue ?? []
        if isDubbed, var sound = renditions.first(where: { $0["kind"] == "audio" }) {
            (sound["name"], sound["language"]) = ("audio-de", "de")
            renditions.append(sound)
        }
        made["renditions"] = .array(renditions + [text])
        encoded = made
    }

    private static func run(_ stage: TestStage, _ machine: String, _ input: JSON) async throws -> (
        arn: String, output: JSON
    ) {
        let started = try await stage.client.call(
            "StartExecution",
            [
                "stateMachineArn": .string("arn:aws:states:us-east-1:000000000000:stateMachine:\(machine)"),
                "input": .string(input.text),
            ])
        let arn = try #require(started["executionArn"]?.stringValue)
        let run = try await stage.end(of: arn)
        try #require(run["status"] == "SUCCEEDED", "\(run["error"]?.text ?? "") \(run["cause"]?.text ?? "")")
        return (arn, try #require(run["output"]))
    }

    /// Packages the film's encodings under a protection, and publishes the package.
    func publish(_ title: String, protection: String, metadata: JSON = [:]) async throws -> Title {
        var input = encoded
        input["title"] = .string(title)
        input["metadata"] = metadata
        input["protection"] = .string(protection)
        let (arn, output) = try await Self.run(stage, "release-protected", input)
        return Title(
            id: try #require(output["titleId"]?.stringValue), hls: try #require(output["hls"]?.stringValue), arn: arn)
    }

    // MARK: - Who watches

    /// A bearer token, from the command line.
    func bearer(_ account: String, _ profile: String, _ options: String...) async throws -> String {
        let ended = try await Program.run(
            Binaries.showrunner, ["accounts", "token", "--account", account, "--profile", profile, "--json"] + options,
            environment: ["SHOWRUNNER_ENGINE": stage.engineURL])
        try #require(ended.status == 0, "\(ended.errors)")
        return try #require(try JSON(parsing: ended.output)["token"]?.stringValue)
    }

    /// What a player is told, for whoever has a bearer token.
    func playback(_ title: Title, bearer: String?) async throws -> HTTPResponse {
        var request = HTTPRequest("GET", "\(stage.viewerURL)/v1/titles/\(title.id)/playback")
        if let bearer { request.headers["Authorization"] = "Bearer \(bearer)" }
        return try await stage.http.send(request)
    }

    /// A licence request for key ids in hexadecimal digits.
    func licence(_ title: Title, _ keyIDs: [String], token: String?) async throws -> HTTPResponse {
        let kids = try keyIDs.map { JSON.string(Self.base64URL(try #require(Hex.decode($0)))) }
        var request = HTTPRequest(
            "POST", "\(stage.viewerURL)/v1/titles/\(title.id)/licence", headers: ["Content-Type": "application/json"],
            body: .bytes(JSON.object(["kids": .array(kids), "type": "temporary"]).utf8))
        if let token { request.headers["Authorization"] = "Bearer \(token)" }
        return try await stage.http.send(request)
    }

    /// All keys of a title, by their ids, in hexadecimal digits.
    func keys(_ title: Title, bearer: String) async throws -> [String: String] {
        let playback = try JSON(parsing: try await playback(title, bearer: bearer).body)
        let token = try #require(playback["playback_token"]?.stringValue)
        let answer = try await licence(title, try await keyIDs(title), token: token)
        try #require(answer.status == 200, "\(answer.text)")
        var keys: [String: String] = [:]
        for key in try JSON(parsing: answer.body)["keys"]?.arrayValue ?? [] {
            let id = try #require(key["kid"]?.stringValue.flatMap(Self.hex(ofBase64URL:)))
            keys[id] = try #require(key["k"]?.stringValue.flatMap(Self.hex(ofBase64URL:)))
        }
        return keys
    }

    /// The ids that the multivariant playlist's session keys name for ClearKey.
    func keyIDs(_ title: Title) async throws -> [String] {
        try await Playlist(title.hls, stage.http).lines.filter {
            $0.hasPrefix("#EXT-X-SESSION-KEY:") && $0.contains("org.w3.clearkey")
        }.compactMap { $0.firstMatch(of: /KEYID=0x([0-9a-f]{32})/).map { String($0.1) } }
    }

    // MARK: - What it looks like

    /// Digests of a rendition's frames, decoded by ffmpeg: with the key where there is one.
    ///
    /// - Parameter playlist: the rendition's own.
    func frames(_ playlist: String, key: String? = nil) async throws -> [String] {
        let file = Workplace.file("rendition.mp4")
        let list = try await Playlist(playlist, stage.http)
        let map = try #require(list.lines.compactMap { $0.firstMatch(of: /#EXT-X-MAP:URI="([^"]+)"/) }.first)
        var bytes: [UInt8] = []
        for address in [list.resolve(String(map.1))] + list.addresses {
            bytes += try await stage.http.send(HTTPRequest("GET", address)).body
        }
        try Data(bytes).write(to: URL(filePath: file))
        let decryption = key.map { "-decryption_key \($0) " } ?? ""
        // A pipe: libavformat 5.1 finds the vectors of a file without an index only when it reads it in order.
        let ended = try await Program.run(
            "sh",
            [
                "-c",
                "cat '\(file)' | ffmpeg -v error -xerror -threads 1 \(decryption)-i pipe:0 -map 0:0 -vsync passthrough "
                    + "-f framemd5 -",
            ])
        guard ended.status == 0, ended.errors.isEmpty else { return [] }
        return ended.output.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            line.split(separator: ",").last.map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    /// The key id that a rendition's playlist names for ClearKey.
    func keyID(_ playlist: String) async throws -> String? {
        try await Playlist(playlist, stage.http).lines.first {
            $0.hasPrefix("#EXT-X-KEY:") && $0.contains("org.w3.clearkey")
        }?.firstMatch(of: /KEYID=0x([0-9a-f]{32})/).map { String($0.1) }
    }

    static func base64URL(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func hex(ofBase64URL text: String) -> String? {
        let padded = text.replacing("-", with: "+").replacing("_", with: "/") + (text.utf8.count % 4 == 2 ? "==" : "")
        return Data(base64Encoded: padded).map(Hex.encode)
    }
}
