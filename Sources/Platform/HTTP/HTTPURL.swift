import CCurl

/// What the client and those who follow redirects need to know of a URL, by libcurl's own parser so that all agree.
public enum HTTPURL {
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

    /// Scheme, host and port of an absolute URL, as RFC 6454 compares them; nil when libcurl cannot parse it.
    public static func origin(_ url: String) -> String? {
        guard let handle = curl_url() else { preconditionFailure("libcurl has no memory for a URL.") }
        defer { curl_url_cleanup(handle) }
        guard curl_url_set(handle, CURLUPART_URL, url, CUnsignedInt(CURLU_NON_SUPPORT_SCHEME)) == CURLUE_OK,
            let scheme = part(CURLUPART_SCHEME, of: handle), let host = part(CURLUPART_HOST, of: handle)
        else { return nil }
        let port = part(CURLUPART_PORT, of: handle, CUnsignedInt(CURLU_DEFAULT_PORT)) ?? ""
        return "\(scheme)://\(host.lowercased()):\(port)"
    }

    /// The URL that a reference, as in a Location field, means at another URL (RFC 3986, section 5); nil when it is none.
    public static func resolve(_ reference: String, at base: String) -> String? {
        guard let handle = curl_url() else { preconditionFailure("libcurl has no memory for a URL.") }
        defer { curl_url_cleanup(handle) }
        guard curl_url_set(handle, CURLUPART_URL, base, 0) == CURLUE_OK,
            curl_url_set(handle, CURLUPART_URL, reference, 0) == CURLUE_OK
        else { return nil }
        // The part behind # is the reader's, not the server's.
        curl_url_set(handle, CURLUPART_FRAGMENT, nil, 0)
        return part(CURLUPART_URL, of: handle)
    }

    private static func part(_ what: CURLUPart, of handle: OpaquePointer, _ flags: CUnsignedInt = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, what, &text, flags) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
