import CCurl
import CCurlShims
import Cryptography
import Encodings
import Glibc
import Synchronization

/// One request under way: owns its easy handle, header list and files.
///
/// `@unchecked`: after `TransferLoop.start` everything here is touched by the loop's thread only, but for
/// `isCancelled` and what the completion handlers hand over.
final class Transfer: @unchecked Sendable {
    /// Where the content goes.
    enum Sink: Sendable {
        case memory(limit: Int)
        case file(path: String, limit: Int64, observer: (@Sendable (UnsafeRawBufferPointer) -> Void)?)
        case channel(BodyChannel)
    }

    typealias Completion = @Sendable (Result<HTTPResponse, HTTPError>) -> Void

    static let refusedDownloadBytes = 64 << 10
    private static let headerBytes = 256 << 10

    let request: HTTPRequest
    let sink: Sink
    let configuration: HTTPClient.Configuration
    private(set) var handle: UnsafeMutableRawPointer?

    private let isCancelled = Atomic(false)
    private var completion: Completion?
    private var onHead: (@Sendable (Int, HTTPHeaders) -> Void)?
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var errorText: UnsafeMutablePointer<CChar>?

    private var status = 0
    private var headers = HTTPHeaders()
    private var headerBytesSeen = 0
    private var isHeadComplete = false
    private var body: [UInt8] = []
    private var failure: HTTPError?

    private var sourceFile: CInt = -1
    private var sent: Int64 = 0
    private var targetFile: CInt = -1
    private var written: Int64 = 0

    init(request: HTTPRequest, sink: Sink, configuration: HTTPClient.Configuration) {
        self.request = request
        self.sink = sink
        self.configuration = configuration
    }

    deinit { release() }

    /// Before `TransferLoop.start`. `onHead` is called at most once, before `completion`, which is called once.
    func whenDone(head: (@Sendable (Int, HTTPHeaders) -> Void)? = nil, _ completion: @escaping Completion) {
        self.onHead = head
        self.completion = completion
    }

    func requestCancellation() { isCancelled.store(true, ordering: .releasing) }
}

// MARK: - Life on the transfer thread
extension Transfer {
    /// Builds the easy handle; nil when the transfer has ended before it began.
    func begin() -> UnsafeMutableRawPointer? {
        guard !isCancelled.load(ordering: .acquiring) else {
            finishCancelled()
            return nil
        }
        if case .file(let path, _, _) = request.body {
            sourceFile = open(path, O_RDONLY | O_CLOEXEC)
            guard sourceFile >= 0 else {
                complete(.failure(fileError("cannot open \(path)", errno)))
                return nil
            }
        }
        guard let easy = curl_easy_init() else { preconditionFailure("libcurl has no memory for a transfer.") }
        handle = easy
        setOptions(easy)
        return easy
    }

    func finishCancelled() {
        complete(.failure(error(.cancelled, "was cancelled")))
    }

    /// The transfer has ended by itself.
    func finish(_ code: CURLcode) {
        if let failure {
            complete(.failure(failure))
            return
        }
        guard code == CURLE_OK else {
            complete(.failure(curlError(code)))
            return
        }
        // libcurl is content with a head that breaks off.
        guard isHeadComplete else {
            complete(.failure(error(.interrupted, "failed: the connection closed within the answer's head")))
            return
        }
        announceHead()
        if case .file(let path, _, _) = sink, isSuccess, targetFile < 0, !openTarget(path) {
            complete(.failure(failure ?? fileError("cannot create \(path)", EIO)))
            return
        }
        complete(.success(HTTPResponse(status: status, headers: headers, body: body)))
    }

    private func complete(_ result: Result<HTTPResponse, HTTPError>) {
        if case .file(let path, _, _) = sink, targetFile >= 0 {
            // What is half written is nobody's: the next attempt starts anew.
            if case .failure = result { unlink(path) }
        }
        release()
        if case .upload(let upload, _) = request.body { upload.close() }
        if case .channel(let channel) = sink { channel.end(result.map { _ in () }) }
        completion.take()?(result)
        onHead = nil
    }

    private func release() {
        if let handle { curl_easy_cleanup(handle) }
        handle = nil
        curl_slist_free_all(headerList)
        headerList = nil
        errorText?.deallocate()
        errorText = nil
        if sourceFile >= 0 { close(sourceFile) }
        sourceFile = -1
        if targetFile >= 0 { close(targetFile) }
        targetFile = -1
    }

    private var isSuccess: Bool { (200...299).contains(status) }
}

// MARK: - Options
extension Transfer {
    private func setOptions(_ easy: UnsafeMutableRawPointer) {
        let set = EasyOptions(easy: easy)
        set.string(CURLOPT_URL, request.url)
        set.string(CURLOPT_PROTOCOLS_STR, "http,https")
        set.string(CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
        set.long(CURLOPT_PATH_AS_IS, 1)
        set.long(CURLOPT_NOSIGNAL, 1)
        set.long(CURLOPT_TCP_KEEPALIVE, 1)
        set.long(CURLOPT_FOLLOWLOCATION, request.maxRedirects > 0 ? 1 : 0)
        set.long(CURLOPT_MAXREDIRS, request.maxRedirects)
        set.long(CURLOPT_FRESH_CONNECT, request.reusesConnection ? 0 : 1)
        set.long(CURLOPT_FORBID_REUSE, request.reusesConnection ? 0 : 1)
        set.string(CURLOPT_USERAGENT, configuration.userAgent)
        if let file = configuration.certificateAuthorities { set.string(CURLOPT_CAINFO, file) }
        if configuration.addresses != .any || HTTPURL.isLoopback(request.url) {
            set.string(CURLOPT_PROXY, "")
        }
        setTimeouts(set)
        setMethod(set)
        setHeaders(set)
        setCallbacks(easy, set)
    }

    private func setTimeouts(_ set: EasyOptions) {
        set.long(CURLOPT_CONNECTTIMEOUT_MS, max(1, request.timeouts.connect.wholeMilliseconds))
        if let total = request.timeouts.total { set.long(CURLOPT_TIMEOUT_MS, max(1, total.wholeMilliseconds)) }
        if let idle = request.timeouts.idle {
            set.long(CURLOPT_LOW_SPEED_LIMIT, 1)
            set.long(CURLOPT_LOW_SPEED_TIME, max(1, idle.wholeMilliseconds / 1000))
        }
    }

    private func setMethod(_ set: EasyOptions) {
        switch (request.method, request.body) {
        case ("GET", .none): set.long(CURLOPT_HTTPGET, 1)
        case ("HEAD", .none): set.long(CURLOPT_NOBODY, 1)
        case ("DELETE", .none), ("OPTIONS", .none): set.string(CURLOPT_CUSTOMREQUEST, request.method)
        case (let method, _):
            set.long(CURLOPT_UPLOAD, 1)
            set.string(CURLOPT_CUSTOMREQUEST, method)
            set.offset(CURLOPT_INFILESIZE_LARGE, bodyLength)
        }
    }

    private func setHeaders(_ set: EasyOptions) {
        // Waiting for "100 Continue" costs a second with servers that do not know it. Signed requests go to those that
        // do, and libcurl's signer would count a header that it is told to leave out. For what is in memory there is
        // little to save by waiting, so it hardly waits.
        if request.signing == nil {
            headerList = curl_slist_append(headerList, "Expect:")
        } else if case .bytes = request.body {
            set.long(CURLOPT_EXPECT_100_TIMEOUT_MS, 1)
        }
        for field in request.headers {
            // libcurl drops a field with nothing behind its colon; the semicolon keeps it, empty.
            let line = field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)"
            headerList = curl_slist_append(headerList, line)
        }
        if let signing = request.signing {
            if request.headers["x-amz-content-sha256"] == nil {
                let hash =
                    switch request.body {
                    case .none, .file, .upload: SHA256.hash("")
                    case .bytes(let bytes): SHA256.hash(bytes)
                    }
                headerList = curl_slist_append(headerList, "x-amz-content-sha256: \(hash.hex)")
            }
            if let token = signing.sessionToken {
                headerList = curl_slist_append(headerList, "x-amz-security-token: \(token)")
            }
            set.string(CURLOPT_AWS_SIGV4, "aws:amz:\(signing.region):\(signing.service)")
            set.string(CURLOPT_USERNAME, signing.accessKeyID)
            set.string(CURLOPT_PASSWORD, signing.secretAccessKey)
        }
        set.list(CURLOPT_HTTPHEADER, headerList)
    }

    private func setCallbacks(_ easy: UnsafeMutableRawPointer, _ set: EasyOptions) {
        let text = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        text.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        errorText = text
        set.pointer(CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer(text))
        // Unretained: the loop holds the transfer for as long as its handle is in use.
        let context = Unmanaged.passUnretained(self).toOpaque()
        for option in [
            CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_READDATA, CURLOPT_SEEKDATA, CURLOPT_OPENSOCKETDATA,
        ] { set.pointer(option, context) }
        set.data(CURLOPT_WRITEFUNCTION) { data, size, count, context in
            Transfer.from(context).receive(UnsafeRawBufferPointer(start: data, count: size * count))
        }
        set.data(CURLOPT_HEADERFUNCTION) { data, size, count, context in
            Transfer.from(context).receiveHeader(UnsafeRawBufferPointer(start: data, count: size * count))
        }
        set.data(CURLOPT_READFUNCTION) { data, size, count, context in
            Transfer.from(context).fill(UnsafeMutableRawBufferPointer(start: data, count: size * count))
        }
        set.check(
            curl_shim_set_seek_callback(easy) { context, offset, origin in
                Transfer.from(context).rewind(to: Int64(offset), origin: origin)
            })
        set.check(
            curl_shim_set_open_socket_callback(easy) { context, _, address in
                Transfer.from(context).openSocket(address)
            })
    }

    private static func from(_ context: UnsafeMutableRawPointer) -> Transfer {
        Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    }
}

// MARK: - libcurl's callbacks
extension Transfer {
    private func receiveHeader(_ line: UnsafeRawBufferPointer) -> Int {
        headerBytesSeen += line.count
        guard headerBytesSeen <= Self.headerBytes else {
            failure = error(.tooLarge, "was answered with more than \(Self.headerBytes) bytes of header")
            return 0
        }
        var text = line[...]
        while let last = text.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { text.removeLast() }
        if text.isEmpty {
            isHeadComplete = true
            // The head of a stream is announced now: its first byte of content may be minutes away.
            let isFollowed = request.maxRedirects > 0 && (300...399).contains(status) && headers["Location"] != nil
            if status >= 200 && !isFollowed { announceHead() }
        } else if text.starts(with: "HTTP/".utf8) {
            // A new head replaces an interim one (1xx) or that of a followed redirect.
            headers = HTTPHeaders()
            isHeadComplete = false
            let words = text.split(separator: UInt8(ascii: " "))
            status = words.count > 1 ? Int(String(decoding: words[1], as: UTF8.self)) ?? 0 : 0
        } else if let colon = text.firstIndex(of: UInt8(ascii: ":")) {
            headers.add(Self.trimmed(text[..<colon]), Self.trimmed(text[text.index(after: colon)...]))
        }
        return line.count
    }

    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        var bytes = bytes
        while let first = bytes.first, first == 32 || first == 9 { bytes.removeFirst() }
        while let last = bytes.last, last == 32 || last == 9 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func announceHead() { onHead.take()?(status, headers) }

    private func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch sink {
        case .memory(let limit):
            guard body.count + bytes.count <= limit else {
                failure = error(.tooLarge, "was answered with more than \(limit) bytes")
                return 0
            }
            body.append(contentsOf: bytes)
        case .file where !isSuccess:
            body.append(contentsOf: bytes.prefix(max(0, Self.refusedDownloadBytes - body.count)))
        case .file(let path, let limit, let observer):
            guard written + Int64(bytes.count) <= limit else {
                failure = error(.tooLarge, "was answered with more than \(limit) bytes")
                return 0
            }
            guard targetFile >= 0 || openTarget(path), append(bytes, path) else { return 0 }
            observer?(bytes)
        case .channel(let channel):
            switch channel.offer(bytes) {
            case .accepted: break
            case .paused: return curl_shim_write_pause
            }
        }
        return bytes.count
    }

    private func openTarget(_ path: String) -> Bool {
        targetFile = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        if targetFile < 0 { failure = fileError("cannot create \(path)", errno) }
        return targetFile >= 0
    }

    private func append(_ bytes: UnsafeRawBufferPointer, _ path: String) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = write(targetFile, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                failure = fileError("cannot write \(path)", errno)
                return false
            }
            rest = rest.dropFirst(count)
        }
        written += Int64(bytes.count)
        return true
    }

    private var bodyLength: Int64 {
        switch request.body {
        case .none: 0
        case .bytes(let bytes): Int64(bytes.count)
        case .file(_, _, let length): length
        // Libcurl's word for content of unknown length.
        case .upload(_, let length): length ?? -1
        }
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        switch request.body {
        case .none: return 0
        case .bytes(let bytes):
            let piece = bytes[Int(sent)...].prefix(buffer.count)
            buffer.copyBytes(from: piece)
            sent += Int64(piece.count)
            return piece.count
        case .file(let path, let offset, let length):
            let wanted = Int(min(Int64(buffer.count), length - sent))
            if wanted == 0 { return 0 }
            let count = pread(sourceFile, buffer.baseAddress, wanted, off_t(offset + sent))
            if count < 0 && errno == EINTR { return fill(buffer) }
            guard count > 0 else {
                failure =
                    count < 0
                    ? fileError("cannot read \(path)", errno)
                    : fileError("found \(path) shorter than \(offset + length) bytes", EIO)
                return curl_shim_read_abort
            }
            sent += Int64(count)
            return count
        case .upload(let upload, let length):
            switch upload.take(into: buffer) {
            case .bytes(let count):
                sent += Int64(count)
                // libcurl sends whatever it is given, and the server would read what is too much as another request.
                if let length, sent > length {
                    failure = error(.cancelled, "failed: its content has more than the \(length) bytes declared")
                    return curl_shim_read_abort
                }
                return count
            case .later: return curl_shim_read_pause
            case .end where sent >= length ?? 0: return 0
            // libcurl would wait for an answer to content that the server waits for.
            case .end, .broken:
                failure = error(.cancelled, "failed: its content broke off")
                return curl_shim_read_abort
            }
        }
    }

    /// libcurl starts the content again when a kept-alive connection turns out to be closed.
    private func rewind(to offset: Int64, origin: CInt) -> CInt {
        if case .upload = request.body {
            return CInt(offset == sent && origin == SEEK_SET ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_CANTSEEK)
        }
        guard origin == SEEK_SET, (0...bodyLength).contains(offset) else { return CInt(CURL_SEEKFUNC_CANTSEEK) }
        sent = offset
        return CInt(CURL_SEEKFUNC_OK)
    }

    private func openSocket(_ address: UnsafeMutablePointer<curl_sockaddr>) -> curl_socket_t {
        let refusal = withUnsafePointer(to: &address.pointee.addr) { whyForbidden($0) }
        if let refusal {
            failure = error(.forbiddenAddress, refusal)
            return -1
        }
        // Close-on-exec: child processes inherit no connections.
        return socket(
            address.pointee.family, address.pointee.socktype | CInt(SOCK_CLOEXEC.rawValue), address.pointee.protocol)
    }

    /// Why the client does not connect to an address; nil where it does.
    private func whyForbidden(_ address: UnsafePointer<sockaddr>) -> String? {
        let isPrivate = "leads to a private address, which is not allowed here"
        switch configuration.addresses {
        case .any: return nil
        case .publicOnly: return PublicAddress.isPublic(address) ? nil : isPrivate
        case .guarded(let ranges):
            if ranges.contains(where: { $0.contains(address) }) { return nil }
            guard PublicAddress.isPublic(address) else { return isPrivate }
            return HTTPURL.parse(request.url)?.scheme == "https" ? nil : "is not https"
        }
    }
}

// MARK: - Errors
extension Transfer {
    private var mayHaveReachedServer: Bool {
        guard let handle else { return false }
        return curl_shim_get_long(handle, CURLINFO_REQUEST_SIZE) > 0
    }

    private func error(_ code: HTTPError.Code, _ reason: String, detail: String = "") -> HTTPError {
        HTTPError(
            code: code, message: "\(request.method) \(addressWithoutSecrets(request.url)) \(reason).", detail: detail,
            mayHaveReachedServer: mayHaveReachedServer)
    }

    private func fileError(_ reason: String, _ code: CInt) -> HTTPError {
        HTTPError(
            code: .localFile,
            message:
                "\(request.method) \(addressWithoutSecrets(request.url)) \(reason): \(String(cString: strerror(code))).",
            mayHaveReachedServer: mayHaveReachedServer, systemError: code)
    }

    private func curlError(_ code: CURLcode) -> HTTPError {
        let buffered = errorText.map { String(cString: $0) } ?? ""
        let words = buffered.isEmpty ? String(cString: curl_easy_strerror(code)) : buffered
        let kind: HTTPError.Code =
            switch code {
            // The request's own URL has been validated: what libcurl does not speak is a redirect's, or the answer.
            case CURLE_UNSUPPORTED_PROTOCOL: status == 0 ? .malformedAnswer : .redirects
            case CURLE_URL_MALFORMAT: status == 0 ? .invalidRequest : .redirects
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT: .connect
            case CURLE_OPERATION_TIMEDOUT: .timeout
            case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
                CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
                .tls
            case CURLE_TOO_MANY_REDIRECTS: .redirects
            case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_HTTP2_STREAM:
                .interrupted
            case CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_BAD_CONTENT_ENCODING: .malformedAnswer
            default: .other
            }
        return error(kind, "failed: \(words)", detail: words)
    }
}

/// Typed `curl_easy_setopt`. Every option used here exists in libcurl 7.85 and later, so a refusal is our mistake.
private struct EasyOptions {
    let easy: UnsafeMutableRawPointer

    func check(_ code: CURLcode) {
        precondition(code == CURLE_OK, "libcurl refused an option: \(String(cString: curl_easy_strerror(code))).")
    }
    func long(_ option: CURLoption, _ value: Int) { check(curl_shim_set_long(easy, option, value)) }
    func offset(_ option: CURLoption, _ value: Int64) { check(curl_shim_set_offset(easy, option, curl_off_t(value))) }
    func string(_ option: CURLoption, _ value: String) { check(curl_shim_set_string(easy, option, value)) }
    func list(_ option: CURLoption, _ value: UnsafeMutablePointer<curl_slist>?) {
        check(curl_shim_set_list(easy, option, value))
    }
    func pointer(_ option: CURLoption, _ value: UnsafeMutableRawPointer) {
        check(curl_shim_set_pointer(easy, option, value))
    }
    func data(_ option: CURLoption, _ callback: @escaping curl_shim_data_callback) {
        check(curl_shim_set_data_callback(easy, option, callback))
    }
}

extension Duration {
    /// Rounded up; at most a day, which is longer than any request may take.
    fileprivate var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(min(seconds, 86_400)) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
