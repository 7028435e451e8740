import SignatureV4
import Testing

/// A good request, and what can be wrong with it. Each case changes one thing.
@Suite("Signature Version 4: what is refused")
struct BadSignatureTests {
    @Test("the request that all cases start from is good")
    func isGood() throws {
        try RequestParts.good().check()
        // Five minutes are allowed either way, to the second.
        for time in ["20261128T031000Z", "20261128T032000Z"] { try RequestParts.good(time: time).check() }
    }

    @Test("an absent or malformed part is named", arguments: BadSignature.missingParts)
    func missing(_ example: BadSignature) {
        let error = #expect(throws: SignatureError.self) { try example.parts.check() }
        #expect(error?.code == example.code)
        #expect(error?.message == example.message)
    }

    @Test("a wrong part is refused", arguments: BadSignature.wrongParts)
    func wrong(_ example: BadSignature) {
        let error = #expect(throws: SignatureError.self) { try example.parts.check() }
        #expect(error?.code == example.code)
        #expect(error?.message == example.message)
    }

    @Test("all but a wrong signature is refused before the content is read", arguments: BadSignature.wrongParts)
    func beforeContent(_ example: BadSignature) {
        var message: String?
        do { try example.parts.check(beforeContent: true) } catch { message = (error as? SignatureError)?.message }
        #expect(message == (example.message == BadSignature.mismatch ? nil : example.message))
    }

    @Test(
        "no refusal tells the secret or the right signature",
        arguments: BadSignature.missingParts + BadSignature.wrongParts)
    func tellsNothing(_ example: BadSignature) {
        let error = #expect(throws: SignatureError.self) { try example.parts.check() }
        #expect(error?.description.contains(RequestParts.secret) == false)
        let right = RequestParts.good()["Authorization"].suffix(64)
        #expect(error?.description.contains(right) == false)
    }

    // MARK: Presigned

    static let presigned = [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Credential=AKIDEXAMPLE%2F20261128%2Fus-east-1%2Fstates%2Faws4_request",
        "X-Amz-Date=20261128T031500Z", "X-Amz-Expires=60", "X-Amz-Signature=00", "X-Amz-SignedHeaders=host",
    ]

    @Test(
        "a presigned request names each part that is absent",
        arguments: [
            "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Signature",
            "X-Amz-SignedHeaders",
        ])
    func presignedLacks(_ name: String) {
        // Without both, it is no presigned request at all.
        var parts = RequestParts()
        parts.method = "GET"
        parts.target = "/uploads?" + Self.presigned.filter { !$0.hasPrefix(name + "=") }.joined(separator: "&")
        parts["Host"] = "127.0.0.1:4600"
        let error = #expect(throws: SignatureError.self) { try parts.check() }
        #expect(error?.code == .incompleteSignature)
        #expect(error?.message == "AWS query-string parameters must include '\(name)', exactly once.")
    }

    @Test(
        "a presigned request is good for a week at most",
        arguments: ["0", "604801", "-1", "1e3", "99999999999999999999"])
    func presignedTooLong(_ seconds: String) {
        var parts = RequestParts()
        parts.method = "GET"
        parts.target = "/uploads?" + Self.presigned.joined(separator: "&")
        parts.target = parts.target.split(separator: "X-Amz-Expires=60").joined(separator: "X-Amz-Expires=\(seconds)")
        parts["Host"] = "127.0.0.1:4600"
        let error = #expect(throws: SignatureError.self) { try parts.check() }
        #expect(error?.code == .incompleteSignature)
        #expect(
            error?.message
                == "X-Amz-Expires must be a number of seconds from 1 to 604800 (a week), not '\(seconds)'.")
    }

    @Test("the signer signs what the verifier takes, whatever the path and query")
    func ownSigner() throws {
        let time = try #require(SigningTime(RequestParts.now))
        for url in [
            "http://127.0.0.1:4600", "http://127.0.0.1:4600/console/api/runs?limit=1&status=RUNNING",
            "http://[::1]:4600/console/api/runs/arn%3Aaws%3Astates%3Aus-east-1/events", "https://engine:443/a//b/../c/",
            "http://engine:80/?b=2&a=1&a=%20x&c", "https://user:word@engine/uploads/%E2%82%AC%2F",
        ] {
            let fields = RequestSigner(
                accessKeyID: "A", secretAccessKey: RequestParts.secret, region: "us-east-1", service: "states"
            ).fields(method: "GET", url: url, headers: [], content: [], time: time)
            let rest = url.drop { $0 != ":" }.dropFirst(3)
            let target = rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? "/"
            let request = SignedRequest(
                method: "GET", target: target, headers: fields, contentHash: SignedRequest.emptyHash)
            let presented = try #require(try PresentedSignature.read(from: request))
            try RequestParts.verifier.verify(presented, of: request, secret: RequestParts.secret, now: time)
        }
        let host = RequestSigner(accessKeyID: "A", secretAccessKey: "", region: "r", service: "s")
            .fields(method: "GET", url: "https://user:word@engine:443/x", headers: [], content: nil, time: time)
        #expect(host.first { $0.name == "Host" }?.value == "engine")
        #expect(host.first { $0.name == "X-Amz-Content-Sha256" }?.value == "UNSIGNED-PAYLOAD")
    }

    @Test("5,000 requests with a byte changed somewhere: none is accepted, and each refusal has its name")
    func changedBytes() throws {
        var dice = Dice(state: UInt64.random(in: 1 ... .max))
        print("bytes are changed by seed \(dice.state)")
        let seed = dice.state
        let good = RequestParts.good()
        for round in 0..<5_000 {
            var parts = good
            let names = ["Authorization", "X-Amz-Date", "X-Amz-Target", "Host", "X-Amz-Content-Sha256"]
            let name = names[Int(dice.next() % UInt64(names.count))]
            var bytes = Array(parts[name].utf8)
            let place = Int(dice.next() % UInt64(bytes.count))
            switch dice.next() % 3 {
            case 0: bytes[place] = UInt8(32 + dice.next() % 95)
            case 1: bytes.remove(at: place)
            default: bytes.insert(UInt8(32 + dice.next() % 95), at: place)
            }
            parts[name] = String(decoding: bytes, as: UTF8.self)
            // White space around parts means nothing.
            let isSame =
                parts[name].split(separator: " ").joined(separator: " ")
                == good[name].split(separator: " ").joined(separator: " ")
                || name == "Authorization"
                    && parts[name].filter { $0 != " " && $0 != "," } == good[name].filter { $0 != " " && $0 != "," }
            if isSame { continue }
            let error = #expect(throws: SignatureError.self, "round \(round) of seed \(seed): \(name): \(parts[name])")
            {
                try parts.check()
            }
            if error == nil { return }
        }
    }

    /// xorshift64, so that a seed tells everything.
    private struct Dice: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
    }

    @Test("a signer's descriptions tell no secret")
    func description() {
        let signer = RequestSigner(accessKeyID: "A", secretAccessKey: RequestParts.secret, region: "r", service: "s")
        var dumped = ""
        dump(signer, to: &dumped)
        #expect(!"\(signer) \(String(reflecting: signer)) \(dumped)".contains(RequestParts.secret))
    }
}
