import Foundation
import JSON
import RawHTTP
import Testing

@testable import Uploads

private func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

/// A request that must be refused, and how.
struct Refusal: Sendable, CustomTestStringConvertible {
    let name: String
    let method: String
    /// `ID` stands for an upload of 10 bytes that has 4.
    let path: String
    let headers: [String: String]
    var content: [UInt8]?
    let status: Int
    var answers: [String: String] = [:]

    var testDescription: String { name }
}

private let tus = ["Tus-Resumable": "1.0.0"]
private let patching = [
    "Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream", "Upload-Offset": "4",
]

private func changing(_ headers: [String: String], _ name: String, _ value: String?) -> [String: String] {
    var headers = headers
    headers[name] = value
    return headers
}

@Suite struct UploadRefusalTests {
    static let refusals = [
        Refusal(
            name: "no version", method: "POST", path: "/uploads", headers: ["Upload-Length": "1"], content: [],
            status: 412, answers: ["tus-version": "1.0.0"]),
        Refusal(
            name: "another version", method: "HEAD", path: "/uploads/ID", headers: ["Tus-Resumable": "0.2.2"],
            status: 412),
        Refusal(name: "no length", method: "POST", path: "/uploads", headers: tus, content: [], status: 400),
        Refusal(
            name: "a negative length", method: "POST", path: "/uploads", headers: changing(tus, "Upload-Length", "-1"),
            content: [], status: 400),
        Refusal(
            name: "a length in words", method: "POST", path: "/uploads", headers: changing(tus, "Upload-Length", "ten"),
            content: [], status: 400),
        Refusal(
            name: "a length to come", method: "POST", path: "/uploads",
            headers: changing(tus, "Upload-Defer-Length", "1"), content: [], status: 400),
        Refusal(
            name: "too long", method: "POST", path: "/uploads", headers: changing(tus, "Upload-Length", "1001"),
            content: [], status: 413),
        Refusal(
            name: "metadata not in Base64", method: "POST", path: "/uploads",
            headers: ["Tus-Resumable": "1.0.0", "Upload-Length": "1", "Upload-Metadata": "title %%%"], content: [],
            status: 400),
        Refusal(
            name: "a key twice", method: "POST", path: "/uploads",
            headers: ["Tus-Resumable": "1.0.0", "Upload-Length": "1", "Upload-Metadata": "title YQ==,title YQ=="],
            content: [], status: 400),
        Refusal(
            name: "another content type", method: "PATCH", path: "/uploads/ID",
            headers: changing(patching, "Content-Type", "application/octet-stream"), content: [1], status: 415),
        Refusal(
            name: "no content type", method: "PATCH", path: "/uploads/ID",
            headers: changing(patching, "Content-Type", nil), content: [1], status: 415),
        Refusal(
            name: "no offset", method: "PATCH", path: "/uploads/ID", headers: changing(patching, "Upload-Offset", nil),
            content: [1], status: 400),
        Refusal(
            name: "an earlier offset", method: "PATCH", path: "/uploads/ID",
            headers: changing(patching, "Upload-Offset", "0"), content: [1], status: 409,
            answers: ["upload-offset": "4"]),
        Refusal(
            name: "a later offset", method: "PATCH", path: "/uploads/ID",
            headers: changing(patching, "Upload-Offset", "5"), content: [1], status: 409),
        Refusal(
            name: "content beyond the end", method: "PATCH", path: "/uploads/ID", headers: patching,
            content: [1, 2, 3, 4, 5, 6, 7], status: 413),
        Refusal(
            name: "an upload that is not there", method: "PATCH", path: "/uploads/c0ffee", headers: patching,
            content: [1], status: 404),
        Refusal(
            name: "a way out of the directory", method: "HEAD", path: "/uploads/..%2f..%2fetc%2fpasswd", headers: tus,
            status: 404),
        Refusal(
            name: "an override to nowhere", method: "POST", path: "/uploads/ID",
            headers: changing(tus, "X-HTTP-Method-Override", "PUT"), content: [], status: 400),
    ]

    @Test(arguments: refusals) func isRefused(_ refusal: Refusal) async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        let limits = Uploads.Limits(maximumBytes: 1000, reservedBytes: 0)
        try await withUploadServer(in: directory, runs: runs, limits: limits) { port, _, _ in
            try await onThread {
                let wire = try Wire(port: port)
                let made = try wire.request("POST", "/uploads", changing(tus, "Upload-Length", "10"), [])
                let path = try #require(made["location"])
                #expect(
                    try wire.request("PATCH", path, changing(patching, "Upload-Offset", "0"), [9, 9, 9, 9]).status
                        == 204)
                let target = refusal.path.replacingOccurrences(of: "/uploads/ID", with: path)
                let answer = try wire.request(refusal.method, target, refusal.headers, refusal.content)
                #expect(answer.status == refusal.status, "\(answer.text)")
                #expect(answer["tus-resumable"] == "1.0.0")
                for (name, value) in refusal.answers { #expect(answer[name] == value) }
                if refusal.method != "HEAD" {
                    #expect(answer["content-type"] == "application/problem+json")
                    let detail = try JSON(parsing: answer.text)["detail"]?.stringValue ?? ""
                    #expect(detail.hasSuffix("."))
                }
                // Whatever was refused has changed nothing.
                #expect(try wire.request("HEAD", path, tus)["upload-offset"] == "4")
            }
        }
        #expect(runs.starts.isEmpty)
    }

    @Test func allProblemsOfTheMetadataAreToldAtOnce() async throws {
        let metadata =
            "metadata \(base64("{\"year\":\"soon\",\"kind\":\"song\"}")),protection \(base64("rot13")),"
            + "workflow \(base64("../etc")),sha256 \(base64("abc"))"
        let directory = try TestDirectory()
        try await withUploadServer(in: directory, runs: StartedRuns()) { port, _, _ in
            let answer = try await onThread {
                try Wire(port: port).request(
                    "POST", "/uploads",
                    [
                        "Tus-Resumable": "1.0.0", "Upload-Length": "1",
                        "Upload-Metadata": metadata + ",filename \(base64("a.mkv"))",
                    ], [])
            }
            #expect(answer.status == 422)
            let problems = try JSON(parsing: answer.text)["problems"]?.arrayValue?.compactMap(\.stringValue) ?? []
            for place in ["year", "kind", "protection", "workflow", "sha256"] {
                #expect(problems.contains { $0.hasPrefix("\(place): ") }, "\(place) in \(problems)")
            }
        }
    }

    @Test func aFullDiskRefusesBeforeTheFirstByte() async throws {
        let directory = try TestDirectory()
        let limits = Uploads.Limits(reservedBytes: .max / 2)
        try await withUploadServer(in: directory, runs: StartedRuns(), limits: limits) { port, _, _ in
            let answer = try await onThread {
                try Wire(port: port).request("POST", "/uploads", ["Tus-Resumable": "1.0.0", "Upload-Length": "1"], [])
            }
            #expect(answer.status == 507)
        }
    }

    @Test func asManyAsMayBeOpenAreOpen() async throws {
        let directory = try TestDirectory()
        let limits = Uploads.Limits(maximumOpen: 1, reservedBytes: 0)
        try await withUploadServer(in: directory, runs: StartedRuns(), limits: limits) { port, _, _ in
            try await onThread {
                let wire = try Wire(port: port)
                let headers = ["Tus-Resumable": "1.0.0", "Upload-Length": "1"]
                #expect(try wire.request("POST", "/uploads", headers, []).status == 201)
                let second = try wire.request("POST", "/uploads", headers, [])
                #expect(second.status == 503)
                #expect(second["retry-after"] == "30")
            }
        }
    }

    @Test func capabilitiesNeedNoVersion() async throws {
        let directory = try TestDirectory()
        try await withUploadServer(
            in: directory, runs: StartedRuns(), limits: .init(maximumBytes: 77, reservedBytes: 0)
        ) { port, _, _ in
            let answer = try await onThread { try Wire(port: port).request("OPTIONS", "/uploads") }
            #expect(answer.status == 204)
            #expect(answer["tus-version"] == "1.0.0")
            #expect(answer["tus-max-size"] == "77")
            #expect(answer["tus-extension"] == "creation,creation-with-upload,termination,expiration,checksum")
        }
    }
}
