import Testing

@testable import WorkerProgram

@Suite("What a machine has")
struct CapacityTests {
    @Test("a container's quota of processor time is its cores")
    func quota() {
        for (text, millicores) in [
            ("max 100000", nil), ("200000 100000", 2000), ("50000 100000", 500), ("1 100000", 1), ("", nil),
            ("150000 100000", 1500), ("100000", nil), ("0 100000", nil), ("100000 0", nil), ("a b", nil),
            ("9223372036854775807 1", nil),
        ] {
            #expect(MachineCapacity.quota(text) == millicores, "\(text)")
        }
    }

    @Test("a service is bound by its own control group and by those around it")
    func groups() {
        let service = ["4:memory:/elsewhere", "0::/system.slice/showrunner-worker@1.service"]
        #expect(
            MachineCapacity.groups(service) == [
                "/sys/fs/cgroup", "/sys/fs/cgroup/system.slice",
                "/sys/fs/cgroup/system.slice/showrunner-worker@1.service",
            ])
        #expect(MachineCapacity.groups(["0::/"]) == ["/sys/fs/cgroup"])
        #expect(MachineCapacity.groups([]) == ["/sys/fs/cgroup"])
    }

    @Test("the cores that a process may run on are counted")
    func allowedCores() {
        for (line, count) in [
            ("Cpus_allowed:\tff", 8), ("Cpus_allowed:\t3,00000001", 3), ("Cpus_allowed:\t0", 0),
            ("Cpus_allowed_list:\t0-7", nil), ("Threads:\t4", nil),
        ] {
            #expect(MachineCapacity.allowedCores(line) == count, "\(line)")
        }
    }

    @Test("this machine has something")
    func here() {
        #expect(MachineCapacity.millicores > 0 && MachineCapacity.cores > 0)
        #expect(MachineCapacity.millicores <= MachineCapacity.cores * 1000)
        #expect(MachineCapacity.memoryBytes > 64 << 20)
        #expect(MachineCapacity.freeBytes(at: "/no/such/place") == MachineCapacity.freeBytes(at: "/"))
    }
}
