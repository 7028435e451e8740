import Encodings
import JSON
import TitleMetadata

/// The `Upload-Metadata` header of a creation, read and checked.
///
/// Source: https://tus.io/protocols/resumable-upload, Upload-Metadata: pairs of a key and a Base64 value, separated by
/// commas. Known keys are `filename` (or `name`), `title`, `metadata` (a JSON document), `protection`, `ladder`, `codecs`
/// (separated by commas), `reuse`, `workflow` and `sha256`; clients send others of their own, which change nothing.
struct UploadMetadata: Equatable {
    static let maximumBytes = 64 << 10

    /// Cleaned, for use in an object's key.
    let filename: String
    let title: String
    let metadata: JSON
    /// `none`, `cbcs` or `cenc`.
    let protection: String
    /// `fixed` or `per-title`; nil leaves it to the workflow.
    let ladder: String?
    /// `hevc`, `av1`, `vp9`.
    let codecs: [String]
    /// Whether results of earlier runs are taken; `false` says no.
    let reuse: Bool
    /// Name of the state machine to start.
    let workflow: String
    /// What the whole content's SHA-256 has to be, in lower-case hexadecimal digits.
    let sha256: String?

    init(header: String?) throws(UploadError) {
        let values = try Self.pairs(header ?? "")
        var problems: [String] = []
        let given = values["filename"] ?? values["name"] ?? ""
        filename = SafeFilename.clean(given)

        var metadata: JSON = [:]
        if let text = values["metadata"], !text.isEmpty {
            do {
                metadata = try JSON(parsing: text)
                if metadata.objectValue == nil { problems.append("metadata: It must be a JSON object.") }
            } catch {
                problems.append("metadata: It is \(error).")
            }
        }
        self.metadata = metadata
        var title = values["title"].flatMap { $0.isEmpty ? nil : $0 }
        // A client may send no metadata at all; what it sends is uploaded all the same.
        if title == nil, metadata["title"] == nil { title = SafeFilename.stem(of: given) ?? "Untitled" }
        do {
            self.title = try TitleMetadata(title: title, document: metadata).title
        } catch {
            problems.append(contentsOf: error.problems.map(\.description))
            self.title = ""
        }

        protection = values["protection"] ?? "none"
        if !["none", "cbcs", "cenc"].contains(protection) {
            problems.append("protection: '\(protection.prefix(40))' is none of none, cbcs, cenc.")
        }
        ladder = values["ladder"]
        if let ladder, !["fixed", "per-title"].contains(ladder) {
            problems.append("ladder: '\(ladder.prefix(40))' is none of fixed, per-title.")
        }
        codecs = (values["codecs"] ?? "").split(separator: ",").map(String.init)
        for codec in codecs where !["h264", "hevc", "av1", "vp9"].contains(codec) {
            problems.append("codecs: '\(codec.prefix(40))' is none of h264, hevc, av1, vp9.")
        }
        reuse = values["reuse"] != "false"
        if !["true", "false"].contains(values["reuse"] ?? "true") {
            problems.append("reuse: '\(values["reuse"]?.prefix(40) ?? "")' is none of true, false.")
        }
        workflow = values["workflow"] ?? "ingest"
        if !(1...80).contains(workflow.utf8.count) || !workflow.utf8.allSatisfy(SafeFilename.isSafe) {
            problems.append("workflow: It must be a state machine's name, 1 to 80 letters, digits, '-', '_' and '.'.")
        }
        sha256 = values["sha256"]?.lowercased()
        let isHexadecimal = sha256?.utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
        }
        if let sha256, sha256.utf8.count != 64 || isHexadecimal == false {
            problems.append("sha256: It must be 64 hexadecimal digits.")
        }
        if !problems.isEmpty {
            throw UploadError(.invalid, "The upload's metadata cannot be used.", problems: problems)
        }
    }

    /// All that the client said, for events: texts by key, and `metadata` as the document that it is.
    static func document(header: String?) throws(UploadError) -> JSON {
        var document: JSON = [:]
        for (key, value) in try pairs(header ?? "").sorted(by: { $0.key < $1.key }) {
            document[key] = .string(value)
            guard key == "metadata", !value.isEmpty else { continue }
            do { document[key] = try JSON(parsing: value) } catch {
                throw UploadError(.invalid, "The upload's metadata cannot be used.", problems: ["metadata: \(error)."])
            }
        }
        return document
    }

    /// Keys are not empty, hold no space and no comma, and stand once.
    static func pairs(_ header: String) throws(UploadError) -> [String: String] {
        guard header.utf8.count <= maximumBytes else {
            throw UploadError(
                .tooLarge, "Upload-Metadata has \(header.utf8.count) bytes, more than \(maximumBytes).")
        }
        var values: [String: String] = [:]
        if header.utf8.allSatisfy({ $0 == UInt8(ascii: " ") }) { return values }
        for pair in header.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = pair.split(separator: " ")
            guard let key = parts.first, parts.count <= 2 else {
                throw UploadError(.malformed, "Upload-Metadata must be pairs of a key and a Base64 value.")
            }
            let bytes: [UInt8]
            do {
                bytes = try Base64.decode(parts.count == 2 ? parts[1] : "")
            } catch {
                throw UploadError(
                    .malformed, "The value of '\(key)' in Upload-Metadata is not UTF-8 in Base64: \(error).")
            }
            guard let value = String(validating: bytes, as: UTF8.self) else {
                throw UploadError(.malformed, "The value of '\(key)' in Upload-Metadata is not UTF-8 in Base64.")
            }
            guard values.updateValue(value, forKey: String(key)) == nil else {
                throw UploadError(.malformed, "The key '\(key)' stands twice in Upload-Metadata.")
            }
        }
        return values
    }
}
