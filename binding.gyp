{
  # For node-gyp: hands over to the set-up, which builds the addon with CMake, as cmake-js does. The set-up never calls
  # node-gyp, and does nothing when a build that it started calls it: this cannot go in circles.
  "targets": [
    {
      "target_name": "tangshi",
      "type": "none",
      "actions": [
        {
          "action_name": "setup",
          "message": "",
          "inputs": [
            "CMakeLists.txt",
            "<!@(node -p \"fs.readdirSync('native', { recursive: true }).filter((file) => /[.](cc|h)$/.test(file)).map((file) => 'native/' + file).join(' ')\")"
          ],
          "outputs": ["<(module_root_dir)/build/Release/tangshi.node"],
          "action": ["node", "<(module_root_dir)/scripts/setup/setup.js"]
        }
      ]
    }
  ]
}
