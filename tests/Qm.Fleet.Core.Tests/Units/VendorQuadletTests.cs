using Qm.Fleet.Core.Units;
using Xunit;

namespace Qm.Fleet.Core.Tests.Units;

[Trait("Requirement", "QMF-EFFECT-001")]
public sealed class VendorQuadletTests
{
    internal const string Pristine = """
        [Install]
        WantedBy=default.target

        [Service]
        CPUWeight=idle
        Delegate=true
        IOWeight=50
        ManagedOOMSwap=kill
        MemoryMax=infinity
        MemoryHigh=infinity
        MemorySwapMax=0
        OOMScoreAdjust=500
        Restart=always
        Slice=-.slice
        Environment=ROOTFS=/usr/lib/qm/rootfs
        Environment=RWETCFS=/etc/qm
        Environment=RWVARFS=/var/qm
        LimitNOFILE=65536
        TasksMax=50%

        [Container]
        AddCapability=all
        DropCapability=sys_boot sys_resource
        SeccompProfile=/usr/share/qm/seccomp-no-rt.json
        ContainerName=qm
        Exec=/sbin/init
        Network=private
        ReadOnly=true
        Rootfs=${ROOTFS}
        Sysctl=fs.mqueue.queues_max=4
        SecurityLabelNested=true
        SecurityLabelNested=true
        SecurityLabelType=qm_t
        SecurityLabelFileType=qm_file_t
        SecurityLabelLevel=s0
        Timezone=local
        Volume=${RWETCFS}:/etc

        """;

    // What QM's scripts do to it: comment-tz-local, and on CentOS 9 setup.
    private static readonly string Commented = Pristine.Replace("Timezone=local\n", "# WIP\n# See the issue\n# Timezone=local\nEnvironment=TZ\n", StringComparison.Ordinal);
    private static readonly string WithoutLabels = string.Join('\n', Commented.Split('\n').Where(line => !line.Contains("SecurityLabelNested", StringComparison.Ordinal)));

    [Fact]
    public void Recognise_WhatQmsOwnScriptsLeave_IsNoEdit() => Assert.Equal(
        [VendorVariant.Pristine, VendorVariant.TimezoneCommented, VendorVariant.WithoutNestedLabel, VendorVariant.WithoutNestedLabel],
        new[] { Pristine, Commented, WithoutLabels, WithoutLabels.Replace("# Timezone=local\nEnvironment=TZ", "Timezone=local", StringComparison.Ordinal) }
            .Select(text => Recognise(text).Variant));

    [Theory]
    [InlineData("OOMScoreAdjust=500", "OOMScoreAdjust=0", "OOMScoreAdjust=0")]
    [InlineData("Network=private", "", "Network missing")]
    [InlineData("DropCapability=sys_boot sys_resource", "DropCapability=sys_boot", "DropCapability=sys_boot")]
    [InlineData("Timezone=local", "Timezone=Europe/Berlin", "Timezone=Europe/Berlin")]
    [InlineData("SecurityLabelNested=true\nSecurityLabelNested=true", "SecurityLabelNested=false", "SecurityLabelNested=false")]
    public void Recognise_Edited_SaysWhatDiffers(string from, string to, string difference)
    {
        var edited = Recognise(Pristine.Replace(from, to, StringComparison.Ordinal));

        Assert.Equal(VendorVariant.Other, edited.Variant);
        Assert.Equal([difference], edited.Differences);
        Assert.EndsWith(difference, edited.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void Recognise_OtherLimitsAndOrder_IsStillPristine() =>
        Assert.Equal("", Recognise(Pristine.Replace("MemoryMax=infinity", "MemoryMax=4G", StringComparison.Ordinal).Replace("sys_boot sys_resource", "sys_boot  sys_resource", StringComparison.Ordinal)).Description);

    private static VendorQuadlet Recognise(string text) => VendorQuadlet.Recognise(UnitFile.Parse(text.ReplaceLineEndings("\n"), "/usr/share/containers/systemd/qm.container"));
}
