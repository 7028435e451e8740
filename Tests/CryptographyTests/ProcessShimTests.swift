import CShims
import Glibc
import Testing

@Suite("The C library's missing imports")
struct ProcessShimTests {
    @Test("a limit that was set is in force")
    func limits() {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        #expect(shim_get_limit(shim_limit_core_bytes, &soft, &hard) == 0)
        // Lowering the soft limit of core files disturbs no other test, and can be undone.
        #expect(shim_set_limit(shim_limit_core_bytes, 0, hard) == 0)
        var changed: UInt64 = 1
        #expect(shim_get_limit(shim_limit_core_bytes, &changed, &hard) == 0)
        #expect(changed == 0)
        #expect(shim_set_limit(shim_limit_core_bytes, soft, hard) == 0)
    }

    @Test("a soft limit above the hard one is refused with errno")
    func refusedLimit() {
        #expect(shim_set_limit(shim_limit_stack_bytes, 2, 1) == EINVAL)
    }

    @Test("an unknown signal is refused with errno")
    func refusedSignal() {
        #expect(shim_set_parent_death_signal(9999) == EINVAL)
    }
}
