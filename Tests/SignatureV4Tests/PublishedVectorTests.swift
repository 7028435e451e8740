import SignatureV4
import Testing

/// AWS's published examples: the Signature Version 4 test suite (key AKIDEXAMPLE, region us-east-1, service `service`)
/// and the ListUsers request of the IAM documentation.
@Suite("Signature Version 4: published vectors")
struct PublishedVectorTests {
    struct Vector: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var method = "GET"
        var target = "/"
        var headers: [(name: String, value: String)] = [
            ("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z"),
        ]
        var signedHeaders = "host;x-amz-date"
        var contentHash = SignedRequest.emptyHash
        var service = "service"
        var signature: String
    }

    static let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

    static let vectors = [
        Vector(
            testDescription: "get-vanilla",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        Vector(
            testDescription: "get-relative", target: "/example/..",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        Vector(
            testDescription: "get-slash", target: "//",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        Vector(
            testDescription: "post-vanilla", method: "POST",
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        Vector(
            testDescription: "get-vanilla-query-order-key-case", target: "/?Param2=value2&Param1=value1",
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        Vector(
            testDescription: "get-vanilla-empty-query-key", target: "/?Param1=value1",
            signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
        Vector(
            testDescription: "get-vanilla-utf8-query", target: "/?%E1%88%B4=bar",
            signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        Vector(
            testDescription: "get-unreserved",
            target: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        Vector(
            testDescription: "get-header-value-trim",
            headers: [
                ("Host", "example.amazonaws.com"), ("My-Header1", " value1"), ("My-Header2", " \"a   b   c\""),
                ("X-Amz-Date", "20150830T123600Z"),
            ], signedHeaders: "host;my-header1;my-header2;x-amz-date",
            signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
        Vector(
            testDescription: "post-header-key-sort", method: "POST",
            headers: [
                ("Host", "example.amazonaws.com"), ("My-Header1", "value1"), ("X-Amz-Date", "20150830T123600Z"),
            ], signedHeaders: "host;my-header1;x-amz-date",
            signature: "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
        Vector(
            testDescription: "post-x-www-form-urlencoded", method: "POST",
            headers: [
                ("Content-Type", "application/x-www-form-urlencoded"), ("Host", "example.amazonaws.com"),
                ("X-Amz-Date", "20150830T123600Z"),
            ], signedHeaders: "content-type;host;x-amz-date",
            // SHA-256 of "Param1=value1".
            contentHash: "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
        Vector(
            testDescription: "IAM ListUsers", target: "/?Action=ListUsers&Version=2010-05-08",
            headers: [
                ("Host", "iam.amazonaws.com"),
                ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
                ("X-Amz-Date", "20150830T123600Z"),
            ], signedHeaders: "content-type;host;x-amz-date", service: "iam",
            signature: "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
    ]

    @Test("are accepted, and nothing else in their place", arguments: vectors)
    func published(_ vector: Vector) throws {
        let verifier = SignatureVerifier(region: "us-east-1", service: vector.service)
        func verify(signature: String) throws {
            let authorization =
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/\(vector.service)/aws4_request, "
                + "SignedHeaders=\(vector.signedHeaders), Signature=\(signature)"
            let request = SignedRequest(
                method: vector.method, target: vector.target,
                headers: vector.headers + [("Authorization", authorization)], contentHash: vector.contentHash)
            let presented = try #require(try PresentedSignature.read(from: request))
            #expect(presented.credential.accessKeyID == "AKIDEXAMPLE")
            try verifier.verify(
                presented, of: request, secret: Self.secret, now: try #require(SigningTime("20150830T123600Z")))
        }
        try verify(signature: vector.signature)
        let changed = String(vector.signature.dropLast()) + (vector.signature.last == "0" ? "1" : "0")
        #expect(throws: SignatureError.self) { try verify(signature: changed) }
    }
}

@Suite("Signing times")
struct SigningTimeTests {
    @Test(
        "are read and written",
        arguments: [
            ("19700101T000000Z", 0), ("20150830T123600Z", 1_440_938_160), ("20000229T235959Z", 951_868_799),
            ("20261128T031500Z", 1_795_835_700), ("19691231T235959Z", -1), ("99991231T235959Z", 253_402_300_799),
        ] as [(String, Int64)])
    func bothWays(_ text: String, _ seconds: Int64) {
        #expect(SigningTime(text)?.seconds == seconds)
        #expect(SigningTime(seconds: seconds).description == text)
        #expect(SigningTime(seconds: seconds).day == String(text.prefix(8)))
    }

    @Test("every day of four centuries follows the one before")
    func everyDay() {
        for day in stride(from: -146_097 as Int64, through: 146_097, by: 1) {
            let time = SigningTime(seconds: day * 86_400 + 43_200)
            guard SigningTime(time.description) == time else {
                Issue.record("\(day): \(time)")
                return
            }
        }
    }

    @Test("HTTP dates are read")
    func httpDate() {
        #expect(SigningTime(httpDate: "Sun, 30 Aug 2015 12:36:00 GMT") == SigningTime("20150830T123600Z"))
        for bad in ["", "Sun, 30 Aug 2015 12:36:00", "Sun, 30 Xxx 2015 12:36:00 GMT", "Sun, 30 Aug 2015 12:36 GMT"] {
            #expect(SigningTime(httpDate: bad) == nil)
        }
    }

    @Test(
        "nothing else is one",
        arguments: [
            "", "20150830", "2015-08-30T12:36:00Z", "20150830T123600", "20150230T000000Z", "20151301T000000Z",
            "20150830T240000Z", "20150830T126000Z", "20150830t123600Z", "2015083aT123600Z", "+0150830T123600Z",
        ])
    func malformed(_ text: String) {
        #expect(SigningTime(text) == nil)
    }
}
