/// A URL for messages and logs: without its query, which may carry signatures and tokens, without its fragment, and without the
/// user and password before `@` (RFC 3986, section 3).
public func addressWithoutSecrets(_ url: String) -> String {
    var text = url.prefix { $0 != "?" && $0 != "#" }
    if let scheme = text.firstRange(of: "://") {
        let authority = text[scheme.upperBound...].prefix { $0 != "/" }
        // A password may hold an @ that nobody has encoded.
        if let at = authority.lastIndex(of: "@") { text.replaceSubrange(scheme.upperBound...at, with: "") }
    }
    return String(text)
}
