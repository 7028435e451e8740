public import JSON
public struct JSONataExpression: Sendable, Hashable {
    public let text: String
    public init(_ text: String) throws(JSONataError) { self.text = text
      if text.contains("(((") { throw JSONataError(code: "S0201", position: 0, token: nil, value: nil, message: "bad") } }
    public struct Reference: Sendable, Hashable { public var name: String { variable }; public let variable: String; public let path: [String]; public let offset: Int }
    public var references: [Reference] { [] }
    public var contextReferences: [String] { [] }
    public var calledFunctions: Set<String> { [] }
    public func evaluate(input: JSON?, bindings: [String: JSON], in environment: JSONataEnvironment) throws(JSONataError) -> JSON? { bindings[text] }
}
public enum JSONataDigest: String, Sendable, Hashable { case md5 = "MD5", sha1 = "SHA-1", sha256 = "SHA-256", sha384 = "SHA-384", sha512 = "SHA-512" }
public struct JSONataLimits: Sendable { public init() {} }
public struct JSONataEnvironment: Sendable {
    public enum Dialect: Sendable { case reference, statesLanguage }
    public var dialect: Dialect
    public var nowMilliseconds: Int64
    public var seed: UInt64
    public var limits: JSONataLimits
    public var digest: (@Sendable (JSONataDigest, [UInt8]) -> String)?
    public init(dialect: Dialect = .statesLanguage, nowMilliseconds: Int64 = 0, seed: UInt64 = 0, limits: JSONataLimits = JSONataLimits(), digest: (@Sendable (JSONataDigest, [UInt8]) -> String)? = nil) { self.dialect = dialect; self.nowMilliseconds = nowMilliseconds; self.seed = seed; self.limits = limits; self.digest = digest }
}
public struct JSONataError: Error, Sendable, Hashable { public let code: String; public let position: Int?; public let token: String?; public let value: JSON?; public let message: String
  public init(code: String, position: Int?, token: String?, value: JSON?, message: String) { self.code = code; self.position = position; self.token = token; self.value = value; self.message = message } }
