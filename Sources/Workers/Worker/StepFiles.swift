import Cryptography
import Encodings
import JSON
import StepContracts

/// A file that a step's input names: a stored object, by its key, or a source, by its URL.
struct FileReference: Sendable, Hashable {
    enum Kind: Sendable, Hashable { case object, source }

    let kind: Kind
    /// The key, or the URL: what the step knows the file by.
    let name: String
    /// 64 hexadecimal digits; nil while nobody has read the file, as in the input of the first step.
    let sha256: String?
    let bytes: Int?

    /// What people are told of it.
    var told: String { toldName(name) }
}

/// What a step knows a file by, for messages and logs: addresses on the web may carry secrets.
func toldName(_ name: String) -> String {
    name.hasPrefix("https://") || name.hasPrefix("http://") ? addressWithoutSecrets(name) : name
}

/// What the worker has to know of the shape of steps' data: where files are named in it.
enum StepFiles {
    /// Files one input may name: a package's renditions and thumbnails are some dozens.
    static let maximumReferences = 4096

    /// The files an input names, each once: every object with `sha256` and `key` or `url`, and the input's `source`,
    /// which may be a bare URL.
    static func references(in input: JSON) throws(StepFailure) -> [FileReference] {
        var found: [FileReference] = []
        var names: [String: FileReference] = [:]
        func add(_ reference: FileReference) throws(StepFailure) {
            if let other = names[reference.name] {
                if let first = other.sha256, let second = reference.sha256, first != second {
                    throw .parametersInvalid(
                        "the input names \(reference.told) twice, with the checksums \(first) and \(second)")
                }
                return
            }
            if found.count == maximumReferences {
                throw .parametersInvalid("the input names more than \(maximumReferences) files")
            }
            names[reference.name] = reference
            found.append(reference)
        }
        func walk(_ value: JSON) throws(StepFailure) {
            if let reference = reference(value) { return try add(reference) }
            switch value {
            case .array(let elements): for element in elements { try walk(element) }
            case .object(let members): for member in members.values { try walk(member) }
            case .null, .bool, .integer, .double, .string: break
            }
        }
        // First, so that a known checksum of the same file elsewhere in the input does not hide behind it.
        try walk(input)
        if let url = openSource(input) { try add(FileReference(kind: .source, name: url, sha256: nil, bytes: nil)) }
        return found
    }

    /// The URL of an input's `source` whose content nobody has looked at yet.
    static func openSource(_ input: JSON) -> String? {
        guard let source = input["source"] else { return nil }
        if let url = source.stringValue { return url }
        return reference(source) == nil ? source["url"]?.stringValue : nil
    }

    private static func reference(_ value: JSON) -> FileReference? {
        guard let digest = value["sha256"]?.stringValue, isDigest(digest) else { return nil }
        let bytes = value["bytes"]?.integerValue
        if let key = value["key"]?.stringValue {
            return FileReference(kind: .object, name: key, sha256: digest, bytes: bytes)
        }
        if let url = value["url"]?.stringValue {
            return FileReference(kind: .source, name: url, sha256: digest, bytes: bytes)
        }
        return nil
    }

    static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }

    /// The member of an output that says that an earlier run had made it.
    static let cachedMember = "cached"

    /// What makes a step's result: the step, its version and its parameters, each file reduced to its content's
    /// checksum, so that where it lies and what it is called do not matter. Whether a parameter is the kept output of
    /// an earlier step does not matter either. Equal texts, equal results.
    static func resultIdentity(step: String, version: Int, input: JSON, digests: [String: String]) -> String {
        func reduce(_ value: JSON) -> JSON {
            if let reference = reference(value) { return ["sha256": .string(reference.sha256 ?? "")] }
            switch value {
            case .array(let elements): return .array(elements.map(reduce))
            case .object(let members):
                let kept = members.filter { !isAboutReuse($0.key, $0.value) }
                return .object(kept.mapValues(reduce))
            case .null, .bool, .integer, .double, .string: return value
            }
        }
        func isAboutReuse(_ name: String, _ value: JSON) -> Bool {
            switch name {
            case cachedMember: value.boolValue != nil
            case StepReuse.member: value.boolValue != nil || value["reused"]?.boolValue != nil
            default: false
            }
        }
        var parameters = reduce(input)
        if let url = openSource(input) {
            guard let digest = digests[url] else { preconditionFailure("The source has to be read first.") }
            parameters["source"] = ["sha256": .string(digest)]
        }
        return JSON.canonicalIdentity(step: step, version: version, parameters: parameters)
    }

    /// What a result is about, as far as telling goes why it was made anew: the content of the first file, and which part
    /// of it. Nil for a step without files.
    static func subject(of input: JSON, content: String?) -> String? {
        guard let content, let part = input["part"], part != .null else { return content }
        return SHA256.hash("\(content) \(part.canonicalText)").hex
    }

    /// The files of its output directory that an output names, each once.
    static func outputFiles(in output: JSON) -> [String] {
        var files: [String] = []
        var seen: Set<String> = []
        func walk(_ value: JSON) {
            if let file = outputFile(value) {
                if seen.insert(file).inserted { files.append(file) }
                return
            }
            switch value {
            case .array(let elements): elements.forEach(walk)
            case .object(let members): members.values.forEach(walk)
            case .null, .bool, .integer, .double, .string: break
            }
        }
        walk(output)
        return files
    }

    /// The output with each of those files replaced by the reference to where it is stored.
    static func replacingFiles(in output: JSON, by references: [String: JSON]) -> JSON {
        if let file = outputFile(output) {
            guard let reference = references[file] else { preconditionFailure("The file \(file) was not stored.") }
            return reference
        }
        switch output {
        case .array(let elements): return .array(elements.map { replacingFiles(in: $0, by: references) })
        case .object(let members): return .object(members.mapValues { replacingFiles(in: $0, by: references) })
        case .null, .bool, .integer, .double, .string: return output
        }
    }

    private static func outputFile(_ value: JSON) -> String? {
        guard case .object(let members) = value, members.count == 1 else { return nil }
        return members["file"]?.stringValue
    }

    /// The stored objects that a result refers to.
    static func storedObjects(in output: JSON) -> [FileReference] {
        var found: [FileReference] = []
        func walk(_ value: JSON) {
            if let reference = reference(value) {
                if reference.kind == .object { found.append(reference) }
                return
            }
            switch value {
            case .array(let elements): elements.forEach(walk)
            case .object(let members): members.values.forEach(walk)
            case .null, .bool, .integer, .double, .string: break
            }
        }
        walk(output)
        return found
    }
}

extension JSON {
    fileprivate static func canonicalIdentity(step: String, version: Int, parameters: JSON) -> String {
        let identity: JSON = ["step": .string(step), "version": .integer(version), "parameters": parameters]
        return identity.canonicalText
    }
}
