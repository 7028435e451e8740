import CatalogStore
import Cryptography
import Encodings

/// Where a list of titles goes on: opaque to clients, signed so that nothing but what we gave out comes back.
///
/// It carries the catalogue's version at the first page. Lists run from newer to older publications, and a later
/// publication is always newer, so all pages together show the catalogue as it was at the first one.
struct TitleCursor: Equatable {
    /// The catalogue's version when the first page was made.
    let catalogueVersion: Int64
    /// The next page shows publications before this one.
    let before: Int64

    private static let signatureBytes = 16

    func text(filter: TitleFilter, key: [UInt8]) -> String {
        let payload = "\(catalogueVersion).\(before)"
        return Hex.encode(Array(payload.utf8) + Self.signature(payload, filter, key))
    }

    init(catalogueVersion: Int64, before: Int64) {
        self.catalogueVersion = catalogueVersion
        self.before = before
    }

    /// Nil for what is none of ours, or was given out for another filter.
    init?(text: String, filter: TitleFilter, key: [UInt8]) {
        guard text.utf8.count <= 200, let bytes = Hex.decode(text), bytes.count > Self.signatureBytes else {
            return nil
        }
        let payload = String(decoding: bytes.dropLast(Self.signatureBytes), as: UTF8.self)
        guard constantTimeEquals(bytes.suffix(Self.signatureBytes), Self.signature(payload, filter, key)) else {
            return nil
        }
        let numbers = payload.split(separator: ".").compactMap { Int64($0) }
        guard numbers.count == 2 else { return nil }
        catalogueVersion = numbers[0]
        before = numbers[1]
    }

    private static func signature(_ payload: String, _ filter: TitleFilter, _ key: [UInt8]) -> [UInt8] {
        let years = "\(filter.yearFrom.map(String.init) ?? "").\(filter.yearTo.map(String.init) ?? "")"
        let message = "titles\n\(payload)\n\(filter.genre ?? "")\n\(filter.kind ?? "")\n\(years)"
        return Array(HMACSHA256.code(message, key: key).prefix(signatureBytes))
    }
}
