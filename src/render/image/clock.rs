//! The clock: the time service of EC2, which needs no internet, no security group and no DNS.

use super::text;
use crate::facts::image::Image;
use crate::state::{File, Notify};

/// The source that AWS recommends:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configure-ec2-ntp.html>. `prefer` keeps the pools of the
/// distribution out, which a subnet without internet does not reach anyway.
const SOURCE: &str = "server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4\n";

/// The file for chrony (chrony.conf(5), `sourcedir`: names end with `.sources`).
pub(super) fn files(image: &Image) -> Vec<File> {
    vec![text(&format!("{}/cos-agent.sources", image.chrony), SOURCE, Notify::nobody())]
}
