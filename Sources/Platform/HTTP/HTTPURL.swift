import CCurl

/// What the client needs to know of a URL, by libcurl's own parser so that both always agree.
enum HTTPURL {
    /// Scheme and host of an absolute URL; nil when libcurl cannot parse it.
    static func parse(_ url: String) -> (scheme: String, host: String)? {
        guard let handle = curl_url() else { preconditionFailure("libcurl has no memory for a URL.") }
        defer { curl_url_cleanup(handle) }
        guard curl_url_set(handle, CURLUPART_URL, url, CUnsignedInt(CURLU_NON_SUPPORT_SCHEME)) == CURLUE_OK,
            let scheme = part(CURLUPART_SCHEME, of: handle), let host = part(CURLUPART_HOST, of: handle)
        else { return nil }
        return (scheme, host)
    }

    static func isLoopback(_ url: String) -> Bool {
        guard let host = parse(url)?.host else { return false }
        return host == "localhost" || host == "[::1]" || host.hasPrefix("127.")
    }

    /// For messages: queries may carry signatures and tokens, and the part before `@` a password.
    static func withoutQuery(_ url: String) -> String {
        var text = url.prefix { $0 != "?" && $0 != "#" }
        if let scheme = text.firstRange(of: "://"), let at = text.firstIndex(of: "@") {
            let slash = text[scheme.upperBound...].firstIndex(of: "/") ?? text.endIndex
            if at < slash { text.replaceSubrange(scheme.upperBound...at, with: "") }
        }
        return String(text)
    }

    private static func part(_ what: CURLUPart, of handle: OpaquePointer) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, what, &text, 0) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
