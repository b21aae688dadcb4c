using System.Globalization;
using Qm.Fleet.Core.Rollouts;
using Xunit;

namespace Qm.Fleet.Core.Tests.Rollouts;

[Trait("Requirement", "QMF-ROLL-003")]
public sealed class MaintenanceWindowTests
{
    [Theory]
    [InlineData("Mon-Fri 01:00-04:00 Europe/Berlin", "Mon-Fri 01:00-04:00 Europe/Berlin")]
    [InlineData("Sat-Mon 22:00-02:00", "Mon,Sat,Sun 22:00-02:00 UTC")]
    [InlineData("01:00-24:00", "01:00-00:00 UTC")]
    [InlineData("Mon,Wed-Thu 00:00-24:00 America/New_York", "Mon,Wed,Thu 00:00-00:00 America/New_York")]
    public void TryParse_Window_IsWrittenInOneWay(string text, string written)
    {
        Assert.True(MaintenanceWindow.TryParse(text, out var window, out var problem), problem);
        Assert.Equal(written, window.ToString());
    }

    [Theory]
    [InlineData("", "is not a window")]
    [InlineData("Mon-Fri", "is not a window")]
    [InlineData("Mon 01:00-04:00 Europe/Berlin twice", "is not a window")]
    [InlineData("Mon-Fry 01:00-04:00", "\"Mon-Fry\" is not a day")]
    [InlineData("1:00-4:00", "is not a range of times")]
    [InlineData("01:00-25:00", "is not a range of times")]
    [InlineData("01:00-01:00", "never opens")]
    [InlineData("01:00-04:00 Europe/Atlantis", "\"Europe/Atlantis\" is not a time zone")]
    public void TryParse_NoWindow_SaysWhatIsWrong(string text, string problem)
    {
        Assert.False(MaintenanceWindow.TryParse(text, out _, out var found));
        Assert.Contains(problem, found, StringComparison.Ordinal);
    }

    // Berlin: on 2026-03-29 the clock goes from 02:00 to 03:00, on 2026-10-25 from 03:00 back to 02:00.
    [Theory]
    [InlineData("Mon-Fri 01:00-04:00 Europe/Berlin", "2026-06-01T23:00Z", true)]
    [InlineData("Mon-Fri 01:00-04:00 Europe/Berlin", "2026-06-01T22:59Z", false)]
    [InlineData("Mon-Fri 01:00-04:00 Europe/Berlin", "2026-06-02T02:00Z", false)]
    [InlineData("Mon-Fri 01:00-04:00 Europe/Berlin", "2026-01-06T00:30Z", true)]
    [InlineData("Sat 22:00-02:00", "2026-06-07T01:59Z", true)]
    [InlineData("Sat 22:00-02:00", "2026-06-06T01:59Z", false)]
    [InlineData("Sun 02:00-03:00 Europe/Berlin", "2026-03-29T00:59Z", false)]
    [InlineData("Sun 02:00-03:00 Europe/Berlin", "2026-03-29T01:00Z", false)]
    [InlineData("Sun 02:00-03:00 Europe/Berlin", "2026-10-25T00:30Z", true)]
    [InlineData("Sun 02:00-03:00 Europe/Berlin", "2026-10-25T01:30Z", true)]
    [InlineData("Sun 02:00-03:00 Europe/Berlin", "2026-10-25T02:00Z", false)]
    public void IsOpen_WhatTheClockOnTheWallShows_Decides(string text, string now, bool open) => Assert.Equal(open, Parse(text).IsOpen(At(now)));

    [Theory]
    [InlineData("Mon-Fri 01:00-04:00 Europe/Berlin", "2026-06-05T02:00Z", "2026-06-07T23:00Z")]
    [InlineData("Mon-Fri 01:00-04:00 Europe/Berlin", "2026-06-04T23:30Z", "2026-06-04T23:30Z")]
    [InlineData("Sun 02:00-03:00 Europe/Berlin", "2026-03-28T12:00Z", "2026-04-05T00:00Z")]
    [InlineData("Sun 02:30-03:30 Europe/Berlin", "2026-03-28T12:00Z", "2026-03-29T01:00Z")]
    [InlineData("Sun 02:00-03:00 Europe/Berlin", "2026-10-24T12:00Z", "2026-10-25T00:00Z")]
    [InlineData("00:00-24:00", "2026-06-05T02:00Z", "2026-06-05T02:00Z")]
    public void Opens_Next_IsTheFirstMomentAtWhichItIsOpen(string text, string now, string opens)
    {
        var (window, at) = (Parse(text), At(opens));

        Assert.Equal(at, window.Opens(At(now)));
        Assert.True(window.IsOpen(at));
        Assert.True(at == At(now) || !window.IsOpen(at.AddMinutes(-1)));
    }

    private static MaintenanceWindow Parse(string text) => MaintenanceWindow.TryParse(text, out var window, out var problem) ? window : throw new FormatException(problem);

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}
