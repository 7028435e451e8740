import Foundation
import JSON
import Testing

@testable import Uploads

@Suite struct UploadValueTests {
    @Test(arguments: [
        ("elf.mkv", "elf.mkv"),
        ("", "source"),
        ("...", "source"),
        ("../../etc/passwd", "passwd"),
        ("C:\\films\\Elf (2003).mkv", "Elf-2003-.mkv"),
        (".hidden.mp4", "hidden.mp4"),
        ("-rf", "rf"),
        ("映画.mp4", "mp4"),
        ("a\u{0}b.mov", "b.mov"),
        ("ü" + String(repeating: "x", count: 300) + ".mkv", String(repeating: "x", count: 96) + ".mkv"),
        (String(repeating: "x", count: 300), String(repeating: "x", count: 100)),
    ]) func namesBecomeSafe(_ given: String, _ clean: String) {
        #expect(SafeFilename.clean(given) == clean)
    }

    @Test func theTitleComesFromTheNameWhereNothingElseSaysIt() throws {
        let name = Data("films/Elf.final.mkv".utf8).base64EncodedString()
        #expect(try UploadMetadata(header: "filename \(name)").title == "Elf.final")
        let document = Data("{\"title\":\"The Elf\"}".utf8).base64EncodedString()
        #expect(try UploadMetadata(header: "filename \(name),metadata \(document)").title == "The Elf")
    }

    @Test func metadataHasALimit() {
        let header = "note " + String(repeating: "YWFh", count: 20_000)
        #expect(throws: UploadError(.tooLarge, "Upload-Metadata has 80005 bytes, more than 65536.")) {
            try UploadMetadata(header: header)
        }
    }

    @Test func recordsReadBackAsTheyWereWritten() throws {
        var record = UploadRecord(
            id: "i", length: 7, header: "title YQ==", key: "uploads/i/a.mkv", contentType: "video/x-matroska",
            sha256: nil, machine: "ingest", input: ["source": "x"])
        #expect(UploadRecord(decoding: record.json.utf8) == record)
        record.isStored = true
        record.executionARN = "arn"
        #expect(UploadRecord(decoding: record.json.utf8) == record)
        #expect(UploadRecord(decoding: Array(record.json.utf8.dropLast())) == nil)
    }
}
