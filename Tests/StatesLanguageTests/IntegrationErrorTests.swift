import StatesLanguage
import StepContracts
import Testing

/// Names of errors that integrations make, where retriers and catchers name them.
@Suite struct IntegrationErrorTests {
    private func warnings(_ name: String) -> [String] {
        let views = StepContract.all.map { contract in
            (contract.name, StepContractView(name: contract.name, input: [], errors: contract.errors))
        }
        return Definition.read(
            json: #"""
                {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::http:invoke",
                  "Parameters":{"ApiEndpoint":"https://a.example","Method":"GET"},
                  "Retry":[{"ErrorEquals":["\#(name)"]}],"End":true}}}
                """#, contracts: Dictionary(uniqueKeysWithValues: views)
        ).diagnostics.map(\.message)
    }

    @Test(arguments: [
        "States.Http.StatusCode.503", "States.Http.Socket", "Showrunner.HttpOutcomeUnknown",
        "Showrunner.HttpAddressForbidden", "Showrunner.Rejected",
    ])
    func areKnown(_ name: String) { #expect(warnings(name) == []) }

    @Test(arguments: ["States.Http.Sockets", "States.HttpStatusCode.503", "Showrunner.HttpOutcomeLost"])
    func othersAreToldOf(_ name: String) { #expect(warnings(name).count == 1) }

    @Test func theNamesAreThoseOfTheContract() {
        for name in StepContract.httpInvoke.errors { #expect(warnings(name) == [], "\(name)") }
    }
}
