# The configuration of the cluster, for sourcing. DIR FSID MONITOR_PORT GATEWAY_PORT; prints it.
write_ceph_conf() {
  local dir=$1 fsid=$2 mon_port=$3 port=$4
  cat <<CONF
[global]
fsid = $fsid
mon_initial_members = a
mon_host = [v2:127.0.0.1:$mon_port/0]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
# No keys between the daemons. Without keys there is no encrypted mode, which they would ask the monitor for.
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_cluster_mode = crc
ms_mon_service_mode = crc
ms_mon_client_mode = crc
ms_cluster_mode = crc
ms_service_mode = crc
ms_client_mode = crc
run_dir = $dir/run
crash_dir = $dir/run
admin_socket = $dir/run/\$name.asok
log_file = $dir/log/\$name.log
log_to_stderr = false
err_to_stderr = true
setuser_match_path =
# One OSD, one copy, few placement groups.
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_warn_on_pool_no_redundancy = false
mon_warn_on_insecure_global_id_reclaim_allowed = false
mon_data_avail_warn = 2
mon_data_avail_crit = 1

[mon]
mon_data = $dir/mon
mgr_initial_modules =
mon_cluster_log_to_file = false
paxos_propose_interval = 0.05
paxos_min_wait = 0.01

[osd]
osd_data = $dir/osd
osd_objectstore = memstore
osd_journal =
memstore_device_bytes = $((4 * 1024 * 1024 * 1024))
osd_memory_target = $((1024 * 1024 * 1024))
osd_class_load_list = *
osd_class_default_list = *
osd_op_num_shards = 2
osd_mon_report_interval = 1

[client]
# Without tcp_nodelay every small reply waits 40 ms for an acknowledgement.
rgw_frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw_data = $dir/run
rgw_thread_pool_size = 64
rgw_rados_pool_pg_num_min = 4
rgw_override_bucket_index_max_shards = 1
rgw_dns_name =
rgw_enable_usage_log = false
rgw_enable_ops_log = false
rgw_enable_quota_threads = false
rgw_run_sync_thread = false
rgw_dynamic_resharding = false
# Gives memory back a minute after a delete rather than after two hours.
rgw_gc_obj_min_wait = 60
rgw_gc_processor_period = 20
rgw_gc_processor_max_time = 20
CONF
}
