import ArgumentParser
import CatalogStore
import Cryptography
import HTTP
import KeyProviders

/// Who makes content keys: this engine itself, or the key server that its environment names.
enum KeyServerOption {
    /// - `SHOWRUNNER_KEY_SERVER` is the address of a server that speaks SPEKE v2;
    /// - `SHOWRUNNER_KEY_SERVER_AUTHORIZATION` is sent as `Authorization`;
    /// - `SHOWRUNNER_KEY_SERVER_REGION` has requests signed instead, with the environment's AWS access key, for an API
    ///   gateway of that region.
    static func protectStep(environment: [String: String], ring: KeyRing?) throws -> ProtectStep {
        func given(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        guard let url = given("SHOWRUNNER_KEY_SERVER") else {
            return ProtectStep(provider: OwnKeys(), providerName: .own, ring: ring)
        }
        guard url.hasPrefix("https://") || url.hasPrefix("http://127.0.0.1:") || url.hasPrefix("http://localhost:")
        else {
            throw ValidationError("SHOWRUNNER_KEY_SERVER has to be https://...: keys come from there")
        }
        var server = SPEKEKeys.Server(url: url)
        if let authorization = given("SHOWRUNNER_KEY_SERVER_AUTHORIZATION") {
            server.headers["Authorization"] = authorization
        }
        if let region = given("SHOWRUNNER_KEY_SERVER_REGION") {
            guard let id = given("AWS_ACCESS_KEY_ID"), let secret = given("AWS_SECRET_ACCESS_KEY") else {
                throw ValidationError("SHOWRUNNER_KEY_SERVER_REGION needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
            }
            guard server.headers["Authorization"] == nil else {
                throw ValidationError(
                    "SHOWRUNNER_KEY_SERVER_AUTHORIZATION and SHOWRUNNER_KEY_SERVER_REGION are both set: one of them is")
            }
            server.signing = AWSSigning(
                accessKeyID: id, secretAccessKey: secret, sessionToken: given("AWS_SESSION_TOKEN"), region: region,
                service: "execute-api")
        }
        return ProtectStep(
            provider: SPEKEKeys(server: server, client: HTTPClient()), providerName: .speke, ring: ring)
    }
}
