package sandbox

import "strconv"

// capabilityNames by number, as in capabilities(7).
var capabilityNames = [...]string{
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable",
	"net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot",
	"sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease",
	"audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read",
	"perfmon", "bpf", "checkpoint_restore",
}

// names lists the set in the order of the numbers.
func (c capabilities) names() []string {
	all := []string{}
	for n := range 64 {
		switch {
		case !c.has(n):
		case n < len(capabilityNames):
			all = append(all, capabilityNames[n])
		default:
			all = append(all, strconv.Itoa(n))
		}
	}
	return all
}
