import HTTP
import JSON
import StepContracts
import Testing

@testable import HTTPSteps

@Suite struct HTTPTaskCallTests {
    private func connection(_ invocation: JSON) throws -> HTTPConnection {
        try HTTPConnection(json: [
            "AuthorizationType": "BASIC", "Origins": ["https://a"],
            "AuthParameters": [
                "BasicAuthParameters": ["Username": "u", "Password": "p"], "InvocationHttpParameters": invocation,
            ],
        ])
    }

    @Test func whatADefinitionSays() throws {
        let call = try HTTPTaskCall(parameters: [
            "ApiEndpoint": "https://api.example/v1/customers?a=1", "Method": "POST",
            "Authentication": ["ConnectionArn": "arn:c"], "Headers": ["Accept": ["a/b", "c/d"], "X-Count": 3],
            "QueryParameters": ["q": "a b&c", "list": [1, true]], "RequestBody": ["name": "Ä"],
        ])
        #expect(call.url == "https://api.example/v1/customers?a=1&q=a%20b%26c&list=1&list=true")
        #expect(call.connectionARN == "arn:c")
        #expect(call.headers.map(\.name) == ["Accept", "X-Count"])
        #expect(call.content?.type == "application/json")
        #expect(call.content.map { String(decoding: $0.bytes, as: UTF8.self) } == #"{"name":"Ä"}"#)
    }

    static let faults: [(JSON, String)] = [
        ([:], "'ApiEndpoint' has to be a URL"),
        (["ApiEndpoint": "https://a", "Method": "TRACE"], "'Method' is 'TRACE'"),
        (["ApiEndpoint": "https://a", "Method": "get"], "'Method' is 'get'"),
        (["ApiEndpoint": "https://a", "Method": "GET", "Authentication": [:]], "'Authentication' has to be an object"),
        (
            [
                "ApiEndpoint": "https://a", "Method": "GET", "Authentication": ["ConnectionArn": "a"],
                "InvocationConfig": ["ConnectionArn": "a"],
            ], "only one of"
        ),
        (["ApiEndpoint": "https://a", "Method": "GET", "Headers": ["A": [:]]], "'Headers.A' has to be"),
        (
            ["ApiEndpoint": "https://a", "Method": "GET", "QueryParameters": []],
            "'QueryParameters' has to be an object"
        ),
        (["ApiEndpoint": "https://a", "Method": "GET", "Headers": ["Host": "b"]], "the header 'Host' can't be set"),
        (["ApiEndpoint": "https://a", "Method": "GET", "Headers": ["transfer-Encoding": "b"]], "can't be set"),
        (["ApiEndpoint": "https://a", "Method": "GET", "Headers": ["X-Amz-Date": "b"]], "can't be set"),
        (["ApiEndpoint": "https://a", "Method": "GET", "Headers": ["x-forwarded-for": "b"]], "can't be set"),
        (["ApiEndpoint": "https://a", "Method": "GET", "Headers": ["Authorization": "b"]], "can't be set"),
        (
            ["ApiEndpoint": "https://a", "Method": "POST", "Transform": ["RequestBodyEncoding": "XML"]],
            "'Transform.RequestBodyEncoding'"
        ),
        (
            [
                "ApiEndpoint": "https://a", "Method": "POST",
                "Transform": [
                    "RequestBodyEncoding": "URL_ENCODED", "RequestEncodingOptions": ["ArrayFormat": "DOTS"],
                ],
            ], "ArrayFormat' has to be one of"
        ),
        (
            [
                "ApiEndpoint": "https://a", "Method": "POST", "RequestBody": "text",
                "Transform": ["RequestBodyEncoding": "URL_ENCODED"],
            ], "has to be an object"
        ),
    ]

    @Test(arguments: faults) func aFaultOfADefinitionIsNamed(_ parameters: JSON, _ words: String) {
        let failure = #expect(throws: StepFailure.self) { _ = try HTTPTaskCall(parameters: parameters) }
        #expect(failure?.error == "States.Runtime")
        #expect(failure?.cause.contains(words) == true, "\(failure?.cause ?? "")")
    }

    @Test(arguments: [
        ("INDICES", "a%5B0%5D=x&a%5B1%5D=y&o%5Bp%5D=1&t=true"), ("REPEAT", "a=x&a=y&o%5Bp%5D=1&t=true"),
        ("COMMAS", "a=x%2Cy&o%5Bp%5D=1&t=true"), ("BRACKETS", "a%5B%5D=x&a%5B%5D=y&o%5Bp%5D=1&t=true"),
        ("NONE", "a=%5B%22x%22%2C%22y%22%5D&o%5Bp%5D=1&t=true"),
    ])
    func formsWriteArrays(_ format: String, _ text: String) throws {
        let call = try HTTPTaskCall(parameters: [
            "ApiEndpoint": "https://a", "Method": "POST",
            "RequestBody": ["a": ["x", "y"], "o": ["p": 1], "n": nil, "t": true],
            "Transform": [
                "RequestBodyEncoding": "URL_ENCODED", "RequestEncodingOptions": ["ArrayFormat": .string(format)],
            ],
        ])
        #expect(call.content.map { String(decoding: $0.bytes, as: UTF8.self) } == text)
        #expect(call.content?.type == "application/x-www-form-urlencoded")
    }

    @Test func ofEqualNamesTheConnectionsCount() throws {
        let list: JSON = [["Key": "x-tenant", "Value": "theirs"]]
        let connection = try connection([
            "HeaderParameters": list, "QueryStringParameters": [["Key": "v", "Value": "2"]],
            "BodyParameters": [["Key": "b", "Value": "added"]],
        ])
        var call = try HTTPTaskCall(parameters: [
            "ApiEndpoint": "https://a/", "Method": "POST", "Headers": ["X-Tenant": "mine", "Accept": "a/b"],
            "QueryParameters": ["v": "1", "w": "1"], "RequestBody": ["a": 1, "b": "mine"],
        ])
        try call.add(connection.invocation)
        #expect(call.header("X-TENANT") == "theirs")
        #expect(call.headers.count == 2)
        #expect(call.url == "https://a/?w=1&v=2")
        #expect(call.body == ["a": 1, "b": "added"])
        var text = try HTTPTaskCall(parameters: ["ApiEndpoint": "https://a/", "Method": "POST", "RequestBody": "text"])
        let failure = #expect(throws: StepFailure.self) { try text.add(connection.invocation) }
        #expect(failure?.error == "States.Runtime")
    }

    @Test func aConnectionShowsNoSecret() throws {
        let connection = try connection([
            "HeaderParameters": [
                ["Key": "x-open", "Value": "shown", "IsValueSecret": false], ["Key": "x-shut", "Value": "h1dden"],
            ]
        ])
        #expect(try HTTPConnection(json: connection.json) == connection)
        let shown = connection.shown.text
        #expect(shown.contains("shown") && !shown.contains("h1dden") && !shown.contains(#""Password""#))
        var dumped = ""
        dump(connection, to: &dumped)
        #expect(!"\(connection)\(dumped)".contains("h1dden"))
    }

    private static func origins(_ origins: JSON?) -> JSON {
        .members(
            ("AuthorizationType", "BASIC"),
            ("AuthParameters", ["BasicAuthParameters": ["Username": "u", "Password": "secret"]]), ("Origins", origins))
    }

    static let badConnections: [(JSON, String)] = [
        (origins(nil), "'Origins' has to be a list of 1 to 20"), (origins([]), "'Origins' has to be a list"),
        (origins("https://a"), "'Origins' has to be a list"), (origins(["https://a", 7]), "'Origins[1]' has to be"),
        (origins(["https://a/path"]), "'Origins[0]' has to be"), (origins(["*"]), "'Origins[0]' has to be"),
        (origins(.array([JSON](repeating: "https://a", count: 21))), "'Origins' has to be a list"),
        ([:], "'AuthorizationType'"), (["AuthorizationType": "NONE", "AuthParameters": [:]], "is 'NONE'"),
        (["AuthorizationType": "BASIC", "AuthParameters": [:]], "BasicAuthParameters' has to be an object"),
        (
            [
                "AuthorizationType": "API_KEY",
                "AuthParameters": ["ApiKeyAuthParameters": ["ApiKeyName": "k", "ApiKeyValue": "sec\r\nret"]],
            ], "ApiKeyValue' holds a control character"
        ),
        (
            [
                "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
                "AuthParameters": [
                    "OAuthParameters": [
                        "ClientParameters": ["ClientID": "i", "ClientSecret": "secret"], "HttpMethod": "HEAD",
                        "AuthorizationEndpoint": "https://a",
                    ]
                ],
            ], "HttpMethod' has to be GET, POST or PUT"
        ),
        (
            [
                "AuthorizationType": "BASIC",
                "AuthParameters": [
                    "BasicAuthParameters": ["Username": "u", "Password": "secret"],
                    "InvocationHttpParameters": ["BodyParameters": [["Value": "secret"]]],
                ],
            ], "BodyParameters[0].Key'"
        ),
    ]

    static let urls: [(String, String?)] = [
        ("https://api.example", "https://api.example"), ("HTTPS://API.Example:443/x?y#z", "https://api.example"),
        ("http://10.0.0.7:8080?x", "http://10.0.0.7:8080"), ("http://a:80/", "http://a"),
        ("https://a:80", "https://a:80"), ("https://[FE80::1]:8443/", "https://[fe80::1]:8443"),
        // What two readers could understand differently.
        ("https://a@b/", nil), ("https://a:1@b/", nil), ("https://a\\@b/", nil), ("https://a%2eb/", nil),
        ("https://a b/", nil), ("https://ä.example", nil), ("https://a:", nil), ("https://a:0", nil),
        ("https://a:65536", nil), ("https://a:+1", nil), ("https://[::1", nil), ("https://[]", nil),
        ("https://[::1]x", nil), ("https://", nil), ("ftp://a", nil), ("//a", nil), ("a", nil), ("", nil),
        ("https:a", nil), (" https://a", nil), ("https://a\n", nil), ("https://a\r\n", nil),
    ]

    @Test(arguments: urls) func theOriginOfAURL(_ url: String, _ origin: String?) throws {
        #expect(HTTPOrigin(of: url)?.description == origin)
        if let origin {
            #expect(HTTPOrigin(origin) == HTTPOrigin(of: url))
            #expect(HTTPOrigin(origin + "/") == nil && HTTPOrigin(origin + "?") == nil)
            // The client reads it in the same way.
            #expect(HTTPURL.origin(url).flatMap { HTTPOrigin(of: $0) } == HTTPOrigin(of: url))
        }
    }

    @Test(arguments: badConnections) func aFaultyConnectionIsRefusedWithoutItsSecrets(_ json: JSON, _ words: String) {
        let failure = #expect(throws: StepFailure.self) { _ = try HTTPConnection(json: json) }
        #expect(failure?.cause.contains(words) == true, "\(failure?.cause ?? "")")
        #expect(failure?.cause.contains("sec") == false || words.contains("sec"))
    }
}

@Suite struct HTTPTaskResultTests {
    private func output(_ type: String?, _ body: [UInt8], status: Int = 200) throws -> JSON {
        var headers = HTTPHeaders()
        if let type { headers["Content-Type"] = type }
        headers.add("X-Many", "1")
        headers.add("x-many", "2")
        return try HTTPTaskResult.output(of: HTTPResponse(status: status, headers: headers, body: body))
    }

    static let bodies: [(String?, [UInt8], JSON)] = [
        ("application/json", Array(#"{"a":[1]}"#.utf8), ["a": [1]]),
        ("application/problem+json; charset=UTF-8", Array("[]".utf8), []), ("application/json", [], ""),
        ("application/json", Array("{no".utf8), "{no"), ("text/plain", Array("{}".utf8), "{}"),
        (nil, Array("words".utf8), "words"), ("text/plain; charset=\"ISO-8859-1\"", [0xE4], "ä"),
    ]

    @Test(arguments: bodies) func contentByItsType(_ type: String?, _ body: [UInt8], _ expected: JSON) throws {
        let output = try output(type, body)
        #expect(output["ResponseBody"] == expected)
        #expect(output["StatusCode"] == 200)
        #expect(output["StatusText"] == "OK")
        #expect(output["Headers"]?["x-many"] == ["1", "2"])
    }

    static let refusals: [(String?, [UInt8], Int, String, String)] = [
        ("image/png", [1], 200, "States.Runtime", "image/png"),
        ("application/octet-stream", [1], 200, "States.Runtime", "octet-stream"),
        ("text/plain", [0xFF], 200, "States.Runtime", "UTF-8"),
        ("text/plain; charset=utf-16", [0xFF], 200, "States.Runtime", "utf-16"),
        ("text/plain", [UInt8](repeating: 97, count: 256 << 10), 200, "States.DataLimitExceeded", "262144"),
        // As JSON it is twice as long.
        ("text/plain", [UInt8](repeating: 34, count: 140 << 10), 200, "States.DataLimitExceeded", "262144"),
        ("text/plain", Array("no such film".utf8), 404, "States.Http.StatusCode.404", "no such film"),
        ("image/png", [0xFF], 503, "States.Http.StatusCode.503", "Service Unavailable"),
        (nil, [], 304, "States.Http.StatusCode.304", "Not Modified"),
    ]

    @Test(arguments: refusals) func whatIsNoResult(
        _ type: String?, _ body: [UInt8], _ status: Int, _ error: String, _ words: String
    ) {
        let failure = #expect(throws: StepFailure.self) { _ = try output(type, body, status: status) }
        #expect(failure?.error == error)
        #expect(failure?.cause.contains(words) == true, "\(failure?.cause ?? "")")
    }
}
