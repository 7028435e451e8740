/// Where viewers find a stored object: `/media/` and the object's key, whose own leading `media/` is not repeated.
public enum MediaAddress {
    /// The path of a key's address. Keys consist of characters that need no escaping in a path.
    public static func path(of key: String) -> String {
        key.hasPrefix("media/") ? "/\(key)" : "/media/\(key)"
    }

    /// The absolute address.
    ///
    /// - Parameter base: scheme and authority, with or without a slash at the end.
    public static func url(of key: String, base: String) -> String {
        (base.hasSuffix("/") ? String(base.dropLast()) : base) + path(of: key)
    }

    /// The keys that a path below `/media/` may stand for, the likelier first.
    ///
    /// - Parameter rest: the path without `/media/`.
    static func keys(of rest: String) -> [String] { ["media/\(rest)", rest] }

    /// Relative, at most 1,024 bytes of letters, digits and `._/-`, no empty segment, none that begins with a dot.
    public static func isKey(_ key: String) -> Bool {
        guard (1...1024).contains(key.utf8.count) else { return false }
        return key.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { segment in
            !segment.isEmpty && segment.first != UInt8(ascii: ".")
                && segment.allSatisfy { byte in
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                        || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
                }
        }
    }
}
