# Alone in this file: Debian's Packer 1.6.6, which the tests run, has the plugin built in and refuses the block.
packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "~> 1.3"
    }
  }
}
