return await Qm.Fleet.Controller.CommandLine.RunAsync(args);
