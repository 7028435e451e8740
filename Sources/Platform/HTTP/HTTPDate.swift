import CCurl

/// Dates of HTTP headers (RFC 9110, section 5.6.7).
public enum HTTPDate {
    /// Seconds since 1970, or nil for what libcurl cannot read as a date.
    public static func parse(_ text: String) -> Int64? {
        let seconds = curl_getdate(text, nil)
        return seconds == -1 ? nil : Int64(seconds)
    }
}
