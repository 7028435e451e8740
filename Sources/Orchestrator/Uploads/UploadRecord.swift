import JSON

/// What is kept of an upload besides its bytes, in a file of its own beside them.
struct UploadRecord: Sendable, Equatable {
    static let format = 1

    /// A random UUID: whoever knows it may write.
    let id: String
    /// Bytes of the whole content.
    let length: Int64
    /// The `Upload-Metadata` header as it came, which HEAD has to give back.
    let header: String?
    /// Where the content will lie in the object store.
    let key: String
    let contentType: String
    let sha256: String?
    /// The state machine to start, and its input: fixed at creation, so that starting again is the same start.
    let machine: String
    let input: JSON
    /// Whether the object store has the content, so that a start that has to wait does not store it again.
    var isStored = false
    /// What the complete upload starts, decided once: a repetition starts the same, whatever the triggers say by then.
    var starts: [UploadStart]?
    /// Set once the content is stored and the execution started.
    var executionARN: String?

    var executionName: String { "upload-\(id)" }

    var json: JSON {
        .members(
            ("format", .integer(Self.format)), ("id", .string(id)), ("length", .integer(length)),
            ("header", header.map(JSON.string)), ("key", .string(key)), ("contentType", .string(contentType)),
            ("sha256", sha256.map(JSON.string)), ("machine", .string(machine)), ("input", input),
            ("stored", .bool(isStored)), ("starts", starts.map { .array($0.map(\.json)) }),
            ("executionArn", executionARN.map(JSON.string)))
    }

    init(
        id: String, length: Int64, header: String?, key: String, contentType: String, sha256: String?,
        machine: String, input: JSON
    ) {
        self.id = id
        self.length = length
        self.header = header
        self.key = key
        self.contentType = contentType
        self.sha256 = sha256
        self.machine = machine
        self.input = input
    }

    /// Nil for what ``json`` never writes.
    init?(decoding bytes: [UInt8]) {
        let json: JSON
        do {
            json = try JSON(parsing: bytes)
        } catch {
            return nil
        }
        guard json["format"]?.integerValue == Self.format, let id = json["id"]?.stringValue,
            let length = json["length"]?.integerValue, length >= 0, let key = json["key"]?.stringValue,
            let contentType = json["contentType"]?.stringValue, let machine = json["machine"]?.stringValue,
            let input = json["input"]
        else { return nil }
        self.init(
            id: id, length: Int64(length), header: json["header"]?.stringValue, key: key, contentType: contentType,
            sha256: json["sha256"]?.stringValue, machine: machine, input: input)
        isStored = json["stored"]?.boolValue ?? false
        if let list = json["starts"]?.arrayValue {
            starts = []
            for json in list {
                guard let start = UploadStart(json: json) else { return nil }
                starts?.append(start)
            }
        }
        executionARN = json["executionArn"]?.stringValue
    }
}
