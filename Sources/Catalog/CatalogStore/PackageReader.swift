import JSON

/// What a publication takes from the outputs of the steps `package`, `thumbnail` and `validate`.
struct PublishedPackage: Sendable {
    struct Object: Sendable {
        let key: String
        let bytes: Int64
        let sha256: [UInt8]
    }

    struct Rendition: Sendable {
        let kind: String
        let codecs: String
        let width: Int64?
        let height: Int64?
        let frameRate: String?
        let bandwidth: Int64?
        let averageBandwidth: Int64?
        let language: String?
        /// A UUID; nil where the rendition is clear.
        let keyID: String?
    }

    var prefix = ""
    var hlsKey = ""
    var dashKey = ""
    var durationSeconds = 0.0
    var posterKey: String?
    /// In all their sizes, the smallest first.
    var posters: [PublishedTitle.Poster] = []
    var thumbnailsKey: String?
    /// Of the seek bar's pictures in twice the size.
    var denseThumbnailsKey: String?
    var renditions: [Rendition] = []
    /// Each key once, in the order of their bytes.
    var objects: [Object] = []
}

/// Reads and checks step outputs; each problem is noted with its place.
struct PackageReader {
    private(set) var problems: [PublishError.Problem] = []
    private var objects: [String: PublishedPackage.Object] = [:]

    /// Beyond this no more problems are noted: a broken list of thousands says enough in twenty.
    private static let problemLimit = 20

    mutating func read(package: JSON, thumbnails: JSON, media: JSON) -> PublishedPackage {
        var result = PublishedPackage()
        guard case .object = package else {
            note("package", "The package is missing.")
            return result
        }
        result.prefix = key(package["prefix"], at: "package.prefix") ?? ""
        readObjects(package["objects"])
        result.hlsKey = manifest(package["hls"], at: "package.hls", prefix: result.prefix)
        result.dashKey = manifest(package["dash"], at: "package.dash", prefix: result.prefix)
        result.renditions = renditions(package["renditions"])
        result.durationSeconds = duration(package["durationSeconds"], media["durationSeconds"])
        if thumbnails != .null { readThumbnails(thumbnails, into: &result) }
        if objects.count > PublishStatement.Limits.objects {
            note(
                "package.objects",
                "The title has \(objects.count) objects, \(PublishStatement.Limits.objects) are allowed.")
        }
        result.objects = objects.values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return result
    }

    private mutating func note(_ place: String, _ message: String) {
        if problems.count < Self.problemLimit {
            problems.append(PublishError.Problem(place: place, message: message))
        }
    }

    private mutating func key(_ value: JSON?, at place: String) -> String? {
        guard let value, let text = value.stringValue, MediaAddress.isKey(text) else {
            note(place, "\(Self.words(value)) is no object key.")
            return nil
        }
        return text
    }

    private mutating func manifest(_ value: JSON?, at place: String, prefix: String) -> String {
        guard let key = key(value, at: place) else { return "" }
        if !key.hasPrefix(prefix + "/") {
            note(place, "\(key) does not lie under the package's prefix \(prefix).")
        } else if objects[key] == nil {
            note(place, "\(key) is not among the package's objects.")
        }
        return key
    }

    private mutating func readObjects(_ value: JSON?) {
        guard let list = value?.arrayValue, !list.isEmpty else {
            note("package.objects", "The package has no objects.")
            return
        }
        guard list.count <= PublishStatement.Limits.objects else {
            note(
                "package.objects",
                "The package has \(list.count) objects, \(PublishStatement.Limits.objects) are allowed.")
            return
        }
        for (index, element) in list.enumerated() { reference(element, at: "package.objects[\(index)]") }
    }

    /// Reads a stored object reference and adds it to the title's objects. The same key may be given again with the same
    /// bytes.
    @discardableResult
    private mutating func reference(_ value: JSON?, at place: String) -> String? {
        guard let value, case .object = value else {
            note(place, "\(Self.words(value)) is no object reference.")
            return nil
        }
        guard let key = key(value["key"], at: "\(place).key") else { return nil }
        guard let bytes = value["bytes"]?.integerValue, bytes >= 0 else {
            note("\(place).bytes", "\(Self.words(value["bytes"])) is no number of bytes.")
            return nil
        }
        guard let sha256 = value["sha256"]?.stringValue.flatMap(Self.digest) else {
            note("\(place).sha256", "\(Self.words(value["sha256"])) is no SHA-256 in hexadecimal digits.")
            return nil
        }
        if let known = objects[key], known.sha256 != sha256 || known.bytes != bytes {
            note(place, "\(key) stands there twice with different content.")
            return nil
        }
        objects[key] = PublishedPackage.Object(key: key, bytes: Int64(bytes), sha256: sha256)
        return key
    }

    private mutating func renditions(_ value: JSON?) -> [PublishedPackage.Rendition] {
        guard let list = value?.arrayValue, !list.isEmpty else {
            note("package.renditions", "The package has no renditions.")
            return []
        }
        guard list.count <= PublishStatement.Limits.renditions else {
            note(
                "package.renditions",
                "The package has \(list.count) renditions, \(PublishStatement.Limits.renditions) are allowed.")
            return []
        }
        return list.enumerated().compactMap { index, value in
            let place = "package.renditions[\(index)]"
            guard let kind = value["kind"]?.stringValue, ["video", "audio", "text"].contains(kind) else {
                note("\(place).kind", "\(Self.words(value["kind"])) is none of video, audio, text.")
                return nil
            }
            return PublishedPackage.Rendition(
                kind: kind, codecs: text(value["codecs"], at: "\(place).codecs") ?? "",
                width: positive(value["width"], at: "\(place).width", limit: 65_535),
                height: positive(value["height"], at: "\(place).height", limit: 65_535),
                frameRate: text(value["frameRate"], at: "\(place).frameRate"),
                bandwidth: positive(value["bandwidth"], at: "\(place).bandwidth", limit: 1 << 40),
                averageBandwidth: positive(
                    value["averageBandwidth"], at: "\(place).averageBandwidth", limit: 1 << 40),
                language: text(value["language"], at: "\(place).language"),
                keyID: keyID(value["keyId"], at: "\(place).keyId"))
        }
    }

    /// 32 hexadecimal digits, as a UUID.
    private mutating func keyID(_ value: JSON?, at place: String) -> String? {
        guard let value, value != .null else { return nil }
        guard let digits = value.stringValue, digits.utf8.count == 32,
            digits.utf8.allSatisfy({ Self.nibble($0) != nil })
        else {
            note(place, "\(Self.words(value)) is no key id of 32 hexadecimal digits.")
            return nil
        }
        let text = Array(digits.lowercased())
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(text[$0]) }.joined(separator: "-")
    }

    private mutating func text(_ value: JSON?, at place: String) -> String? {
        guard let value, value != .null else { return nil }
        guard let text = value.stringValue, (1...128).contains(text.utf8.count), !text.utf8.contains(0) else {
            note(place, "\(Self.words(value)) is no text of 1 to 128 bytes.")
            return nil
        }
        return text
    }

    private mutating func positive(_ value: JSON?, at place: String, limit: Int) -> Int64? {
        guard let value, value != .null else { return nil }
        guard let number = value.integerValue, (1...limit).contains(number) else {
            note(place, "\(Self.words(value)) is not a whole number from 1 to \(limit).")
            return nil
        }
        return Int64(number)
    }

    private mutating func duration(_ packaged: JSON?, _ probed: JSON?) -> Double {
        let value = packaged.flatMap { $0 == .null ? nil : $0 } ?? probed
        guard let seconds = value?.doubleValue, seconds >= 0, seconds.isFinite else {
            note("package.durationSeconds", "\(Self.words(value)) is no duration in seconds.")
            return 0
        }
        return seconds
    }

    private mutating func readThumbnails(_ thumbnails: JSON, into result: inout PublishedPackage) {
        guard case .object = thumbnails else {
            note("thumbnails", "\(Self.words(thumbnails)) is no output of the thumbnail step.")
            return
        }
        if let poster = thumbnails["poster"], poster != .null {
            result.posterKey = reference(poster, at: "thumbnails.poster")
        }
        if let track = thumbnails["thumbnails"], track != .null {
            result.thumbnailsKey = reference(track, at: "thumbnails.thumbnails")
        }
        for (index, sprite) in (thumbnails["sprites"]?.arrayValue ?? []).enumerated() {
            reference(sprite, at: "thumbnails.sprites[\(index)]")
        }
        result.posters = posters(thumbnails["posters"])
        guard let dense = thumbnails["retina"], dense != .null else { return }
        result.denseThumbnailsKey = reference(dense["thumbnails"], at: "thumbnails.retina.thumbnails")
        for (index, sprite) in (dense["sprites"]?.arrayValue ?? []).enumerated() {
            reference(sprite, at: "thumbnails.retina.sprites[\(index)]")
        }
    }

    private mutating func posters(_ value: JSON?) -> [PublishedTitle.Poster] {
        guard let value, value != .null else { return [] }
        guard let list = value.arrayValue, list.count <= PublishStatement.Limits.posters else {
            note(
                "thumbnails.posters",
                "\(Self.words(value)) is no list of up to \(PublishStatement.Limits.posters) pictures.")
            return []
        }
        return list.enumerated().compactMap { index, value in
            let place = "thumbnails.posters[\(index)]"
            let key = reference(value["file"], at: "\(place).file")
            let width = positive(value["width"] ?? .integer(0), at: "\(place).width", limit: 65_535)
            let height = positive(value["height"] ?? .integer(0), at: "\(place).height", limit: 65_535)
            guard let key, let width, let height else { return nil }
            return PublishedTitle.Poster(key: key, width: Int(width), height: Int(height))
        }.sorted { $0.width < $1.width }
    }

    private static func words(_ value: JSON?) -> String {
        guard let value else { return "Nothing" }
        let text = value.text
        return text.count <= 60 ? text : String(text.prefix(57)) + "..."
    }

    private static func digest(_ text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard let high = nibble(characters[index]), let low = nibble(characters[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
