/// A track's language in the forms its places want: BCP 47 (RFC 5646) in playlists and manifests, ISO 639-2 in `mdhd`.
public struct LanguageTag: Sendable, Hashable {
    /// The shortest form, as RFC 5646 2.2.1 asks: "en", "pt-BR", "und".
    public let bcp47: String
    /// Three lower-case letters: "eng", "und".
    public let iso6392: String
    /// The English name, or the tag itself where it is not known.
    public let name: String

    /// Undetermined.
    public static let undetermined = LanguageTag(bcp47: "und", iso6392: "und", name: "Undetermined")

    public var isDetermined: Bool { bcp47 != "und" }

    private init(bcp47: String, iso6392: String, name: String) {
        self.bcp47 = bcp47
        self.iso6392 = iso6392
        self.name = name
    }

    /// Reads a BCP 47 tag or an ISO 639 code ("en", "eng", "ger", "pt-BR"); nil when it is none by its form. A
    /// well-formed code outside ISO 639-1 is kept as it is.
    public init?(_ text: String) {
        let subtags = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard let primary = subtags.first?.lowercased(), (2...3).contains(primary.utf8.count), text.utf8.count <= 35,
            primary.utf8.allSatisfy({ (0x61...0x7A).contains($0) }),
            subtags.dropFirst().allSatisfy({ subtag in
                (1...8).contains(subtag.utf8.count)
                    && subtag.utf8.allSatisfy { byte in
                        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    }
            })
        else { return nil }
        let row = LanguageTable.shared.byCode[primary]
        let rest = subtags.dropFirst().map { subtag in
            // RFC 5646 2.1.1: regions are upper case, scripts title case, the rest lower case, by custom.
            switch subtag.utf8.count {
            case 2: subtag.uppercased()
            case 4: subtag.prefix(1).uppercased() + subtag.dropFirst().lowercased()
            default: subtag.lowercased()
            }
        }
        let tag = ([row?.alpha2 ?? primary] + rest).joined(separator: "-")
        self.init(
            bcp47: tag, iso6392: row?.alpha3 ?? (primary.utf8.count == 3 ? primary : "und"),
            name: row.map { rest.isEmpty ? $0.name : "\($0.name) (\(rest.joined(separator: "-")))" }
                ?? (primary == "und" ? "Undetermined" : tag))
    }

    /// The 15 bits of `mdhd`: three letters of five bits (ISO/IEC 14496-12, 8.4.2).
    var packed: UInt16 {
        iso6392.utf8.reduce(0) { $0 << 5 | UInt16($1 - 0x60) }
    }
}
