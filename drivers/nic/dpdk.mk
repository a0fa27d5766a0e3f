# DPDK, linked statically: Debian's archives, only the drivers the appliance
# names, so that the image carries no directory of plug-ins.

DPDK_CFLAGS := $(patsubst -I%,-isystem %,$(filter-out -march=%,$(shell pkg-config --cflags libdpdk)))

# mlx5 reaches its card through the kernel's verbs, hence two shared libraries.
# Poll-mode drivers: physical and virtual NICs of the appliance, then those
# that tests, the demo and hosts without VFIO use.
DPDK_PMDS := common_iavf common_mlx5 bus_auxiliary bus_pci bus_vdev mempool_ring \
	net_mlx5 net_e1000 net_igc net_ixgbe net_i40e net_iavf net_ice net_ena net_vmxnet3 net_virtio \
	net_af_packet net_af_xdp net_memif net_tap net_ring net_null

DPDK_CORE := security vhost dmadev cryptodev hash rcu timer gso ip_frag reorder ethdev meter net \
	mbuf mempool ring pci eal telemetry argparse kvargs log

# A driver registers itself in a constructor, so the linker must keep all of it.
DPDK_PMD_LIBS := -Wl,--whole-archive $(DPDK_PMDS:%=-l:librte_%.a) -Wl,--no-whole-archive
DPDK_LIBS := -Wl,--start-group $(DPDK_CORE:%=-l:librte_%.a) -Wl,--end-group \
	-Wl,--as-needed -lmlx5 -libverbs -lnuma -lfdt -lbsd -lxdp -lbpf -lelf -ldl
