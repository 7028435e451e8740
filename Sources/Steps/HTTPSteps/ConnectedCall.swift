import Encodings
import JSON
import StepContracts

extension HTTPTaskCall {
    /// Merges what a connection sends along: of equal names the connection's count.
    ///
    /// Throws `States.Runtime` where the content is no object and the connection adds to it.
    mutating func add(_ parameters: HTTPConnection.Parameters) throws(StepFailure) {
        Self.merge(parameters.headers, into: &headers) { $0.lowercased() }
        Self.merge(parameters.query, into: &query) { $0 }
        guard !parameters.body.isEmpty else { return }
        var merged = body ?? [:]
        guard merged.objectValue != nil else {
            throw .runtime("the connection adds to the content, and 'RequestBody' is no object")
        }
        for parameter in parameters.body { merged[parameter.key] = .string(parameter.value) }
        body = merged
    }

    private static func merge(
        _ added: [HTTPConnection.Parameter], into fields: inout [HTTPTaskField], key: (String) -> String
    ) {
        let names = Set(added.map { key($0.key) })
        fields.removeAll { names.contains(key($0.name)) }
        fields += added.map { HTTPTaskField(name: $0.key, values: [$0.value]) }
    }

    /// The URL with its query.
    var url: String { Self.url(endpoint, query: query) }

    /// A URL with parameters behind those it has.
    static func url(_ url: String, query: [HTTPTaskField]) -> String {
        let pairs = query.flatMap { field in
            field.values.map { "\(PercentEncoding.encode(field.name))=\(PercentEncoding.encode($0))" }
        }
        let plain = url.prefix { $0 != "#" }
        guard !pairs.isEmpty else { return String(plain) }
        return plain + (plain.contains("?") ? "&" : "?") + pairs.joined(separator: "&")
    }

    /// The content and what it is; nil where there is none. A text is sent as it stands.
    var content: (bytes: [UInt8], type: String)? {
        guard let body else { return nil }
        let given = headers.first { $0.name.lowercased() == "content-type" }?.values.first
        if let arrayFormat {
            return (
                Array(FormEncoding.text(body, arrayFormat).utf8), given ?? "application/x-www-form-urlencoded"
            )
        }
        if let text = body.stringValue { return (Array(text.utf8), given ?? "application/json") }
        return (body.utf8, given ?? "application/json")
    }

    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.values.first
    }
}
