import Encodings

extension HTTPClient {
    private static let urlBytes = 16 << 10

    /// Refuses what could be read as a different request on the wire. Nothing has been sent when this throws.
    func validate(_ request: HTTPRequest) throws(HTTPError) {
        func refuse(_ reason: String) -> HTTPError {
            HTTPError(
                code: .invalidRequest,
                message: "\(request.method) \(addressWithoutSecrets(request.url)) cannot be sent: \(reason).",
                mayHaveReachedServer: false)
        }
        guard !request.method.isEmpty, request.method.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else {
            throw refuse("a method is upper-case letters")
        }
        guard request.url.utf8.count <= Self.urlBytes, request.url.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { throw refuse("a URL has at most \(Self.urlBytes) printable ASCII characters, the rest percent-encoded") }
        // libcurl would read http:///x as http://x.
        guard let scheme = request.url.firstRange(of: "://"), !request.url[scheme.upperBound...].hasPrefix("/"),
            let url = HTTPURL.parse(request.url), url.scheme == "http" || url.scheme == "https", !url.host.isEmpty
        else { throw refuse("it needs an absolute http or https URL with a host") }
        for field in request.headers {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(Self.isTokenByte) else {
                throw refuse("'\(field.name)' is no header name")
            }
            guard field.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 9 }) else {
                throw refuse("the header \(field.name) contains a control character")
            }
        }
        if case .guarded = addresses, request.maxRedirects > 0 {
            throw refuse("a guarded client follows no redirects")
        }
        if case .file(_, let offset, let length) = request.body, offset < 0 || length < 0 {
            throw refuse("a file body has an offset and a length of 0 or more")
        }
        if case .upload(_, let length) = request.body {
            guard request.signing == nil, request.maxRedirects == 0, !request.reusesConnection, length ?? 0 >= 0 else {
                throw refuse("content that is handed over can't be sent again")
            }
        }
        if request.signing != nil {
            guard request.maxRedirects == 0 else { throw refuse("a signed request follows no redirects") }
            if case .file = request.body, request.headers["x-amz-content-sha256"] == nil {
                throw refuse("a signed file body needs the header x-amz-content-sha256")
            }
        }
    }

    /// `tchar` of RFC 9110, section 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
